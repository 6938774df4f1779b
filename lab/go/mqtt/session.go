package main

import (
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// ahead is how many messages of QoS 0 may wait to be written to a connection before they wait in the queue.
const ahead = 1000

// session is what the broker keeps of a client, whether it is there or away. The library keeps one table of packet
// numbers for both directions, sends what it has again in any order, and drops what a slow client does not take at once:
// so what a session must not lose is kept here, as EMQX keeps it.
type session struct {
	id string
	sync.Mutex
	zone    Zone
	wake    *sync.Cond
	figures *figures
	// Whether it has ended; what comes then is for another.
	dead bool
	// Whether it is about to end, and nobody may have it again.
	over bool
	// The connection that has it, before it is let in and until it has ended; it may be on its way to another.
	owner *wire
	taken bool
	// Who is served; nobody while the client is away.
	link  *mqtt.Client
	since time.Time
	// Whether its client speaks MQTT 5, and whether it gets a message once, however many of its subscriptions fit.
	modern, single atomic.Bool
	// Seconds for which it is kept when the client is away.
	expiry  uint32
	filters map[string]packets.Subscription
	will    *time.Timer

	// What waits for the window.
	queue []delivery
	// What was given a number and is not acknowledged, in the order in which it was given one.
	flights []*flight
	numbers map[uint16]*flight
	last    uint16
	window  int
	// How many of the flights are not yet on this connection.
	behind int
	// What is to be written next, and how much of it is of QoS 0.
	out   []parcel
	loose int
	// Numbers of what came with QoS 2 and is not released.
	received map[uint16]struct{}
}

func newSession(id string, figures *figures) *session {
	made := &session{
		id: id, figures: figures, since: time.Now(),
		filters: map[string]packets.Subscription{}, numbers: map[uint16]*flight{}, received: map[uint16]struct{}{},
	}
	made.wake = sync.NewCond(made)
	return made
}

// deliver takes a message; false when the session has ended.
func (s *session) deliver(d delivery) bool {
	s.Lock()
	defer s.Unlock()
	switch {
	case s.dead:
		return false
	case d.qos > 0 || s.zone.StoresQoS0:
		s.queue = append(s.queue, d)
		s.refill()
		s.trim()
	case s.link != nil && s.loose < ahead:
		s.hand(d)
	default:
		s.figures.DroppedQoS0.Add(1)
	}
	return true
}

// trim drops the oldest of what waits, as far as there is too much of it.
func (s *session) trim() {
	for s.zone.Queue > 0 && len(s.queue) > s.zone.Queue {
		s.pop()
		s.figures.Dropped.Add(1)
	}
}

// pop takes the oldest of what waits.
func (s *session) pop() delivery {
	oldest := s.queue[0]
	s.queue[0] = delivery{}
	s.queue = s.queue[1:]
	return oldest
}

// refill puts on the connection what may be there: first what was on another before, then what waits, in its order.
func (s *session) refill() {
	if s.link == nil {
		return
	}
	for _, flight := range s.flights {
		if s.behind == 0 || len(s.flights)-s.behind >= s.window {
			break
		}
		if !flight.placed {
			s.behind--
			s.place(flight)
		}
	}
	for s.behind == 0 && len(s.queue) > 0 {
		next := s.queue[0]
		switch {
		case next.message.Expiry > 0 && next.message.Expiry <= time.Now().Unix():
			s.figures.Expired.Add(1)
		case next.qos == 0 && s.loose >= ahead, next.qos > 0 && len(s.flights) >= s.window:
			return
		case next.qos == 0:
			s.hand(next)
		default:
			s.number(next)
		}
		s.pop()
	}
}

func (s *session) hand(d delivery) {
	s.loose++
	s.out = append(s.out, parcel{delivery: d})
	s.wake.Broadcast()
}

func (s *session) place(f *flight) {
	f.placed = true
	s.out = append(s.out, parcel{f.delivery, f})
	s.wake.Broadcast()
}

// serve gives a client that is let in what was on the connection before, and what has come since.
func (s *session) serve(link *mqtt.Client) {
	s.Lock()
	defer s.Unlock()
	s.link, s.out, s.loose, s.behind = link, nil, 0, len(s.flights)
	for _, flight := range s.flights {
		flight.placed, flight.again = false, true
	}
	s.refill()
	go s.write(link)
}

// away says that the connection has ended: what was not written of QoS 0 waits with the rest.
func (s *session) away() {
	var unwritten []delivery
	for _, parcel := range s.out {
		if parcel.flight == nil {
			unwritten = append(unwritten, parcel.delivery)
		}
	}
	s.link, s.out, s.loose, s.since = nil, nil, 0, time.Now()
	if s.zone.StoresQoS0 && len(unwritten) > 0 {
		s.queue = append(unwritten, s.queue...)
		s.trim()
	} else {
		s.figures.DroppedQoS0.Add(int64(len(unwritten)))
	}
	s.wake.Broadcast()
}

// write writes to a client until another is served, or none. A client that reads slowly holds up nobody else.
func (s *session) write(link *mqtt.Client) {
	for {
		packet, number, found := s.next(link)
		if !found {
			return
		}
		switch err := link.WritePacket(packet); err {
		case nil:
		case packets.ErrPacketTooLarge:
			// EMQX does not send it, and goes on as if it were acknowledged.
			s.figures.TooLarge.Add(1)
			s.done(number, true)
		default:
			link.Stop(err)
			return
		}
	}
}

// next waits for the next packet to be written.
func (s *session) next(link *mqtt.Client) (packets.Packet, uint16, bool) {
	s.Lock()
	defer s.Unlock()
	for {
		for s.link == link && len(s.out) == 0 {
			s.wake.Wait()
		}
		if s.link != link {
			return packets.Packet{}, 0, false
		}
		next := s.out[0]
		s.out[0] = parcel{}
		s.out = s.out[1:]
		if next.flight == nil {
			s.loose--
			s.refill()
			s.figures.Sent.Add(1)
			return next.delivery.packet(), 0, true
		}
		// What is acknowledged in the meantime is not sent.
		if s.numbers[next.flight.number] == next.flight {
			s.figures.Sent.Add(1)
			return next.flight.packet(), next.flight.number, true
		}
	}
}

// end ends the session, and returns what another member of a group shall have: what came by a shared subscription, but
// nothing of QoS 2 that the client may have (MQTT-4.8.2-5), and as in EMQX nothing of QoS 0.
func (s *session) end() []delivery {
	s.Lock()
	defer s.Unlock()
	s.dead = true
	var orphans []delivery
	for _, flight := range s.flights {
		if flight.qos == 1 {
			orphans = append(orphans, flight.delivery)
		}
	}
	orphans = append(orphans, s.queue...)
	kept := orphans[:0]
	for _, orphan := range orphans {
		if orphan.qos > 0 && orphan.shared != "" {
			kept = append(kept, orphan)
		}
	}
	s.figures.Ended.Add(int64(len(s.flights) + len(s.queue) - len(kept)))
	s.queue, s.flights, s.numbers, s.link = nil, nil, map[uint16]*flight{}, nil
	s.wake.Broadcast()
	return kept
}
