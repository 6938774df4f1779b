package main

import (
	"bufio"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// watched is a listener whose connections are looked at packet by packet: the library ends some sessions without the word
// that MQTT 5 has for it, and says that word to clients of MQTT 3.1.1, which do not know it.
type watched struct {
	listeners.Listener
	largest int
	// Called when a connection has ended, and all that the library does about it is done.
	ended func(*wire)
}

func (l *watched) Serve(establish listeners.EstablishFn) {
	l.Listener.Serve(func(id string, connection net.Conn) error {
		made := &wire{
			Conn: connection, largest: l.largest, reader: bufio.NewReader(connection), gone: make(chan struct{}),
		}
		defer close(made.gone)
		defer l.ended(made)
		return establish(id, made)
	})
}

// wire is a client's connection. It is read whole packet by whole packet.
type wire struct {
	net.Conn
	largest int
	reader  *bufio.Reader
	pending []byte
	sync.Mutex
	// Version of MQTT, once the client has said it.
	version byte

	// Once the client may come in: itself, its session, whether that was there before, and what is remembered of it as a
	// publisher.
	client  *mqtt.Client
	session *session
	resumed bool
	speaker *speaker
	// Lets others with its client id come in.
	letGo func()
	// What it asks for just now.
	asked []asked
	// Closed when it has ended and its session is free.
	gone chan struct{}
}

// How long a client that does not read may hold up the word that its session ends.
const lastWord = time.Second

func (w *wire) Read(into []byte) (int, error) {
	if len(w.pending) == 0 {
		packet, err := w.packet()
		if err != nil {
			return 0, err
		}
		w.pending = packet
	}
	count := copy(into, w.pending)
	w.pending = w.pending[count:]
	return count, nil
}

// packet reads the next packet; one that EMQX takes no part of ends the connection.
func (w *wire) packet() ([]byte, error) {
	first, err := w.reader.ReadByte()
	if err != nil {
		return nil, err
	}
	header, length := []byte{first}, 0
	for shift := 0; ; shift += 7 {
		digit, err := w.reader.ReadByte()
		if err != nil {
			return nil, err
		}
		header = append(header, digit)
		length |= int(digit&0x7f) << shift
		if digit < 0x80 || shift == 21 {
			break
		}
	}
	if w.largest > 0 && length > w.largest {
		return nil, w.end(packets.ErrPacketTooLarge)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(w.reader, body); err != nil {
		return nil, err
	}
	text, rest, whole := text(body)
	switch {
	case whole && first>>4 == packets.Connect && len(rest) > 0:
		w.Lock()
		w.version = rest[0]
		w.Unlock()
	case whole && first>>4 == packets.Publish && !isText(text):
		return nil, w.end(packets.ErrTopicNameInvalid)
	}
	return append(header, body...), nil
}

// text is the text that a packet's body begins with, and what comes after it.
func text(body []byte) (string, []byte, bool) {
	if len(body) < 2 {
		return "", nil, false
	}
	end := 2 + int(body[0])<<8 + int(body[1])
	if end > len(body) {
		return "", nil, false
	}
	return string(body[2:end]), body[end:], true
}

// isText is true for what may stand in a topic: UTF-8 without NUL.
func isText(topic string) bool {
	for _, letter := range topic {
		if letter == 0 {
			return false
		}
	}
	return utf8.ValidString(topic)
}

// end says why the session ends, to a client whose MQTT has a word for it. What it returns ends the reading.
func (w *wire) end(reason packets.Code) error {
	// Also who writes just now, and has the lock, waits no longer.
	_ = w.Conn.SetWriteDeadline(time.Now().Add(lastWord))
	w.Lock()
	defer w.Unlock()
	if w.version == 5 {
		_, _ = w.Conn.Write([]byte{packets.Disconnect << 4, 2, reason.Code, 0})
	}
	return io.EOF
}

// Write leaves out the broker's DISCONNECT where the client's MQTT has none. The library writes whole packets.
func (w *wire) Write(whole []byte) (int, error) {
	w.Lock()
	defer w.Unlock()
	kept := whole
	if w.version < 5 {
		kept = withoutDisconnect(whole)
	}
	if len(kept) > 0 {
		if _, err := w.Conn.Write(kept); err != nil {
			return 0, err
		}
	}
	return len(whole), nil
}

func withoutDisconnect(whole []byte) []byte {
	kept := []byte{}
	for len(whole) > 1 {
		length, place := 0, 1
		for shift := 0; place < len(whole); shift += 7 {
			digit := whole[place]
			place++
			length |= int(digit&0x7f) << shift
			if digit < 0x80 {
				break
			}
		}
		end := min(place+length, len(whole))
		if whole[0]>>4 != packets.Disconnect {
			kept = append(kept, whole[:end]...)
		}
		whole = whole[end:]
	}
	return kept
}
