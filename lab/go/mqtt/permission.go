package main

import (
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// What a client may do is decided before the library sees the packet: EMQX looks at all filters of a SUBSCRIBE before it
// grants one, and acknowledges nothing of what it denies and disconnects for.

// judged looks at a packet of a client; what it returns as an error ends the session.
func (i *identity) judged(cl *mqtt.Client, state *asking, pk packets.Packet) (packets.Packet, error) {
	switch pk.FixedHeader.Type {
	case packets.Publish:
		return pk, i.publishes(cl, state, pk)
	case packets.Subscribe:
		return i.subscribes(cl, state, pk)
	case packets.Unsubscribe:
		for number, filter := range pk.Filters {
			pk.Filters[number].Filter = libraryFilter(filter.Filter)
		}
	}
	return pk, nil
}

func (i *identity) publishes(cl *mqtt.Client, state *asking, pk packets.Packet) error {
	topic := pk.TopicName
	if pk.Properties.TopicAliasFlag {
		topic = cl.State.TopicAliases.Inbound.Set(pk.Properties.TopicAlias, topic)
	}
	if !isTopic(topic) {
		return end(cl, packets.ErrTopicNameInvalid)
	}
	state.refused = !i.allows(cl, state, request{topic, true, pk.FixedHeader.Qos, pk.FixedHeader.Retain})
	if state.refused && !i.settings.KeepsSessions {
		return end(cl, packets.ErrNotAuthorized)
	}
	return nil
}

func (i *identity) subscribes(cl *mqtt.Client, state *asking, pk packets.Packet) (packets.Packet, error) {
	for _, filter := range pk.Filters {
		if !isFilter(filter.Filter) {
			return pk, end(cl, packets.ErrTopicFilterInvalid)
		}
	}
	state.filters = map[string]bool{}
	for number, filter := range pk.Filters {
		allowed := i.allows(cl, state, request{topic: filter.Filter, qos: filter.Qos})
		if !allowed && !i.settings.KeepsSessions {
			return pk, end(cl, packets.ErrNotAuthorized)
		}
		pk.Filters[number].Filter = libraryFilter(filter.Filter)
		state.filters[pk.Filters[number].Filter] = allowed
	}
	return pk, nil
}

func (i *identity) allows(cl *mqtt.Client, state *asking, asked request) bool {
	return i.policy == nil || i.settings.isForRules(cl) || i.policy.allows(cl, state, asked)
}

// OnACLCheck says what was decided. Of what is delivered nothing is: what was subscribed to was decided then.
func (i *identity) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	state := i.state(cl)
	if state == nil {
		return false
	}
	state.Lock()
	defer state.Unlock()
	if write {
		// MQTT 3.1.1 has no word for a message that is refused: OnPublish keeps it from everybody.
		return !state.refused || cl.Properties.ProtocolVersion < 5
	}
	allowed, asked := state.filters[topic]
	return allowed || !asked
}

// OnPublish has a refused message of MQTT 3.1.1 acknowledged, and given to nobody.
func (i *identity) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	state := i.state(cl)
	if state == nil || !state.refused {
		return pk, nil
	}
	pk.Ignore = true
	return pk, nil
}

// OnPacketProcessed forgets the filters that were asked for, so that what is delivered is not taken for one of them.
func (i *identity) OnPacketProcessed(cl *mqtt.Client, pk packets.Packet, _ error) {
	if state := i.state(cl); state != nil && pk.FixedHeader.Type == packets.Subscribe {
		state.Lock()
		defer state.Unlock()
		state.filters = nil
	}
}

// OnWill lets a will go only where its client may publish.
func (i *identity) OnWill(cl *mqtt.Client, will mqtt.Will) (mqtt.Will, error) {
	state := i.state(cl)
	if state != nil {
		state.Lock()
		defer state.Unlock()
		if isTopic(will.TopicName) && i.allows(cl, state, request{will.TopicName, true, will.Qos, will.Retain}) {
			return will, nil
		}
	}
	// The library publishes it in any case.
	return mqtt.Will{TopicName: nowhere}, nil
}

// end ends a session at once, with the reason where the client's MQTT has a word for it.
func end(cl *mqtt.Client, reason packets.Code) error {
	if connection, known := cl.Net.Conn.(*wire); known {
		_ = connection.end(reason)
	}
	cl.Stop(reason)
	return packets.ErrRejectPacket
}
