package main

import (
	"encoding/json"
	"os"
	"sync/atomic"
	"time"
)

// figures count what became of a client's messages since the broker started, also over the end of its sessions.
type figures struct {
	// Written to a connection, those that were sent again included.
	Sent atomic.Int64
	// The oldest, because too much waited.
	Dropped atomic.Int64
	// Of QoS 0, because the client was away or did not read, and none of it is kept.
	DroppedQoS0 atomic.Int64
	// Out of date when their turn came.
	Expired atomic.Int64
	// Larger than what the client takes.
	TooLarge atomic.Int64
	// Waiting or unacknowledged when a session ended, and given to nobody else.
	Ended atomic.Int64
}

// state is what is said of a client.
type state struct {
	Connected                                            bool
	Session                                              bool
	Queued, InFlight, Received                           int
	Sent, Dropped, DroppedQoS0, Expired, TooLarge, Ended int64
}

const (
	figuresEvery  = 100 * time.Millisecond
	figuresSeldom = 2 * time.Second
)

// report writes the figures of all clients to a file, again and again, and since when they hold: nanoseconds of Unix time.
// With many clients it does so less often, and takes no more than a small part of a core.
func (h *sessions) report(file string) {
	for {
		begun := time.Now()
		said := map[string]any{"Since": begun.UnixNano(), "Clients": h.states()}
		if text, err := json.MarshalIndent(said, "", "  "); err == nil && os.WriteFile(file+".new", text, 0o600) == nil {
			_ = os.Rename(file+".new", file)
		}
		time.Sleep(min(max(figuresEvery, 20*time.Since(begun)), figuresSeldom))
	}
}

func (h *sessions) states() map[string]state {
	h.Lock()
	defer h.Unlock()
	found := map[string]state{}
	for id, counted := range h.figures {
		one := state{
			Sent: counted.Sent.Load(), Dropped: counted.Dropped.Load(), DroppedQoS0: counted.DroppedQoS0.Load(),
			Expired: counted.Expired.Load(), TooLarge: counted.TooLarge.Load(), Ended: counted.Ended.Load(),
		}
		if session := h.known[id]; session != nil {
			session.Lock()
			one.Session, one.Connected = true, session.link != nil
			one.Queued, one.InFlight, one.Received = len(session.queue), len(session.flights), len(session.received)
			session.Unlock()
		}
		found[id] = one
	}
	return found
}
