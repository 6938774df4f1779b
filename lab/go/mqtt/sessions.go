package main

import (
	"bytes"
	"math"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	// How long a connection may take to end before another with its session goes on without it.
	endsWithin = 15 * time.Second
	sweepEvery = 200 * time.Millisecond
)

// sessions keeps the clients' sessions, in memory: of the library there remain the connections themselves, SUBSCRIBE and
// UNSUBSCRIBE, and the table of what is retained.
type sessions struct {
	mqtt.HookBase
	settings *Settings
	server   *mqtt.Server
	router   *router
	sync.Mutex
	known   map[string]*session
	figures map[string]*figures
	// By client id: held while a connection takes the session of that id.
	turns sync.Map
}

func newSessions(settings *Settings, server *mqtt.Server) *sessions {
	return &sessions{
		settings: settings, server: server, router: newRouter(),
		known: map[string]*session{}, figures: map[string]*figures{},
	}
}

func (h *sessions) ID() string { return "sessions" }

func (h *sessions) Provides(hook byte) bool {
	return bytes.Contains([]byte{
		mqtt.OnSessionEstablish, mqtt.OnSessionEstablished, mqtt.OnPacketEncode, mqtt.OnPacketRead, mqtt.OnPacketProcessed,
		mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnUnsubscribe, mqtt.OnSelectSubscribers, mqtt.OnPublish, mqtt.OnWill,
	}, []byte{hook})
}

// turn is held by who takes or ends the session of an id.
func (h *sessions) turn(id string) *sync.Mutex {
	held, _ := h.turns.LoadOrStore(id, &sync.Mutex{})
	return held.(*sync.Mutex)
}

func (h *sessions) find(id string) *session {
	h.Lock()
	defer h.Unlock()
	return h.known[id]
}

// OnSessionEstablish gives a client that may come in its session, once who had it before is gone for good: what it had
// sent is dealt with then, and what it was sent is where it was.
func (h *sessions) OnSessionEstablish(cl *mqtt.Client, pk packets.Packet) {
	own, known := cl.Net.Conn.(*wire)
	if !known {
		return
	}
	turn := h.turn(cl.ID)
	turn.Lock()
	own.client, own.letGo = cl, sync.OnceFunc(turn.Unlock)
	own.speaker = newSpeaker(cl.ID)
	found := h.find(cl.ID)
	if found != nil {
		h.interrupt(found)
		found = h.find(cl.ID)
	}
	if found != nil && pk.Connect.Clean {
		// What waited is for the others of its groups.
		h.end(found)
		found = nil
	}
	own.resumed = found != nil && h.own(found, own, cl)
	if !own.resumed {
		h.own(h.begin(cl.ID), own, cl)
	}
}

// interrupt ends the connection that has a session, and waits until it is gone. The session is not over with it.
func (h *sessions) interrupt(found *session) {
	found.Lock()
	owner := found.owner
	found.taken = owner != nil
	if found.will != nil {
		found.will.Stop()
	}
	found.Unlock()
	if owner == nil {
		return
	}
	_ = owner.end(packets.ErrSessionTakenOver)
	owner.client.Stop(packets.ErrSessionTakenOver)
	select {
	case <-owner.gone:
	case <-time.After(endsWithin):
		h.Log.Error("a connection does not end", "client", found.id)
	}
}

func (h *sessions) begin(id string) *session {
	h.Lock()
	defer h.Unlock()
	if h.figures[id] == nil {
		h.figures[id] = &figures{}
	}
	made := newSession(id, h.figures[id])
	h.known[id] = made
	return made
}

// own makes a connection the one that has the session; false when that is about to end.
func (h *sessions) own(found *session, own *wire, cl *mqtt.Client) bool {
	found.Lock()
	defer found.Unlock()
	if found.over {
		return false
	}
	own.session = found
	found.owner, found.taken = own, false
	found.modern.Store(cl.Properties.ProtocolVersion == 5)
	found.single.Store(!h.settings.EachSubscription || h.settings.isForRules(cl))
	found.zone = h.settings.zone(cl)
	found.window = int(cl.Properties.Props.ReceiveMaximum)
	if limit := found.zone.Window; found.window == 0 || (limit > 0 && limit < found.window) {
		found.window = limit
	}
	if found.window == 0 {
		found.window = math.MaxUint16
	}
	return true
}

// OnSessionEstablished lets a session go on, once its client knows that it is let in.
func (h *sessions) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	own, found := of(cl)
	if found == nil {
		return
	}
	for filter, subscription := range found.subscriptions() {
		// The library has forgotten them where it thinks that the session is over.
		h.server.Topics.Subscribe(cl.ID, subscription)
		cl.State.Subscriptions.Add(filter, subscription)
		if h.settings.Shared.ByConnection {
			h.router.renew(found, filter)
		}
	}
	found.serve(cl)
	own.letGo()
}

func (s *session) subscriptions() map[string]packets.Subscription {
	s.Lock()
	defer s.Unlock()
	copied := map[string]packets.Subscription{}
	for filter, subscription := range s.filters {
		copied[filter] = subscription
	}
	return copied
}

// of is a client's connection and session; none before it is let in.
func of(cl *mqtt.Client) (*wire, *session) {
	own, known := cl.Net.Conn.(*wire)
	if !known {
		return nil, nil
	}
	return own, own.session
}

// leave is called when a connection has ended and nothing of it is left.
func (h *sessions) leave(own *wire) {
	if found := own.session; found != nil && !found.leave(own) {
		h.end(found)
	}
	if own.letGo != nil {
		own.letGo()
	}
}

// leave takes a connection from a session; false when the session is over with it.
func (s *session) leave(own *wire) bool {
	s.Lock()
	defer s.Unlock()
	if s.owner != own {
		return true
	}
	s.owner = nil
	s.away()
	said := own.client.Properties
	s.expiry = said.Props.SessionExpiryInterval
	switch {
	case said.ProtocolVersion == 5:
		s.over = !s.taken && s.expiry == 0
	case said.Clean:
		s.over = true
	default:
		if s.expiry = s.zone.SessionSeconds; s.expiry == 0 {
			s.expiry = math.MaxUint32
		}
	}
	return !s.over
}

// end ends a session, and gives what others of its groups shall have to them.
func (h *sessions) end(over *session) {
	h.Lock()
	if h.known[over.id] == over {
		delete(h.known, over.id)
	}
	h.Unlock()
	for filter := range over.subscriptions() {
		h.router.remove(over, filter)
		h.server.Topics.Unsubscribe(filter, over.id)
	}
	for _, orphan := range over.end() {
		if !h.share(orphan, newSpeaker(orphan.message.Origin)) {
			over.figures.Ended.Add(1)
		}
	}
}

// hurry lets no client that does not read hold up the end of the broker.
func (h *sessions) hurry() {
	h.Lock()
	defer h.Unlock()
	for _, session := range h.known {
		session.Lock()
		if session.owner != nil {
			_ = session.owner.SetWriteDeadline(time.Now().Add(lastWord))
		}
		session.Unlock()
	}
}

// sweep ends the sessions whose clients are away for too long.
func (h *sessions) sweep() {
	for range time.Tick(sweepEvery) {
		h.Lock()
		found := make([]*session, 0, len(h.known))
		for _, session := range h.known {
			found = append(found, session)
		}
		h.Unlock()
		for _, session := range found {
			// Who has the turn is about to come in.
			if turn := h.turn(session.id); session.lapsed() && turn.TryLock() {
				if session.lapsed() && h.find(session.id) == session {
					h.end(session)
					h.server.Clients.Delete(session.id)
				}
				turn.Unlock()
			}
		}
	}
}

func (s *session) lapsed() bool {
	s.Lock()
	defer s.Unlock()
	kept := time.Duration(s.expiry) * time.Second
	return s.owner == nil && s.expiry != math.MaxUint32 && time.Since(s.since) > kept
}

// OnPacketEncode says in a CONNACK whether there was a session, and how much of QoS 2 may wait here.
func (h *sessions) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	own, found := of(cl)
	if pk.FixedHeader.Type != packets.Connack || found == nil || pk.ReasonCode != packets.CodeSuccess.Code {
		return pk
	}
	pk.SessionPresent = own.resumed
	if awaited := h.settings.zone(cl).Awaited; awaited > 0 {
		pk.Properties.ReceiveMaximum = uint16(min(awaited, math.MaxUint16))
	}
	return pk
}
