package main

import (
	"strings"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// nowhere is a topic that nobody may subscribe to, and that no wildcard holds.
const nowhere = "$SYS/lab/refused-will"

// asked is a filter of a SUBSCRIBE that is dealt with just now.
type asked struct {
	packets.Subscription
	existed, granted bool
}

// OnPacketRead takes the acknowledgements of both directions, so that the library has nothing to do with them.
func (h *sessions) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	_, found := of(cl)
	if found == nil {
		return pk, nil
	}
	failed := pk.ReasonCode >= packets.ErrUnspecifiedError.Code
	switch pk.FixedHeader.Type {
	case packets.Puback:
		found.done(pk.PacketID, false)
	case packets.Pubrec:
		if failed {
			found.done(pk.PacketID, true)
			break
		}
		_ = cl.WritePacket(answer(packets.Pubrel, pk.PacketID, held(found.release(pk.PacketID))))
	case packets.Pubrel:
		_ = cl.WritePacket(answer(packets.Pubcomp, pk.PacketID, held(found.forget(pk.PacketID))))
	case packets.Pubcomp:
		found.done(pk.PacketID, false)
	default:
		return pk, nil
	}
	// An acknowledgement of what the library does not know, which it passes over.
	return answer(packets.Puback, 0, packets.CodeSuccess), nil
}

func held(known bool) packets.Code {
	if known {
		return packets.CodeSuccess
	}
	return packets.ErrPacketIdentifierNotFound
}

// OnPublish takes a message: whoever gets it has it before it is acknowledged. The library acknowledges first, and what
// it has acknowledged is lost when the connection ends just then.
func (h *sessions) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	own, found := of(cl)
	if found == nil {
		return pk, packets.ErrRejectPacket
	}
	kind, reason := packets.Puback, packets.CodeSuccess
	if pk.FixedHeader.Qos == 2 {
		kind = packets.Pubrec
		known, room := found.receive(pk.PacketID)
		switch {
		case !room:
			_ = end(cl, packets.ErrReceiveMaximum)
			return pk, packets.ErrRejectPacket
		case known:
			pk.Ignore = true
			if !pk.FixedHeader.Dup {
				reason = packets.ErrPacketIdentifierInUse
			}
		}
	}
	if !pk.Ignore {
		h.publish(pk, own.speaker)
	}
	if pk.FixedHeader.Qos > 0 {
		_ = cl.WritePacket(answer(kind, pk.PacketID, reason))
	}
	return pk, packets.ErrRejectPacket
}

// publish keeps a message that is to be retained, and gives it to everyone who subscribed to it.
func (h *sessions) publish(pk packets.Packet, from *speaker) {
	message := pk.Copy(false)
	message.Created, message.Expiry = time.Now().Unix(), 0
	if seconds := message.Properties.MessageExpiryInterval; seconds > 0 {
		message.Expiry = message.Created + int64(seconds)
	}
	if message.FixedHeader.Retain {
		h.server.Topics.RetainMessage(message.Copy(false))
		atomic.StoreInt64(&h.server.Info.Retained, int64(h.server.Topics.Retained.Len()))
	}
	// Rules publish in their own name.
	if from.id != message.Origin {
		from = &speaker{message.Origin, from.stuck, from.turns}
	}
	targets := h.router.find(message.TopicName, func(group *group) *member {
		return h.settings.Shared.choose(group, from, message.TopicName)
	})
	for _, one := range single(targets) {
		if one.NoLocal && message.Origin == one.session.id {
			continue
		}
		made := deliveryOf(&message, one)
		if !one.session.deliver(made) && made.shared != "" {
			h.share(made, from)
		}
	}
}

func deliveryOf(message *packets.Packet, one target) delivery {
	made := delivery{message: message, qos: min(message.FixedHeader.Qos, one.Qos)}
	made.retain = message.FixedHeader.Retain && one.RetainAsPublished && one.session.modern.Load()
	if one.Identifier > 0 {
		made.identifiers = []int{one.Identifier}
	}
	if group, _ := parted(one.Filter); group != "" {
		made.shared = one.Filter
	}
	return made
}

// share gives a message to another of the group; false when there is none.
func (h *sessions) share(orphan delivery, from *speaker) bool {
	for {
		group := h.router.group(orphan.shared)
		if group == nil {
			return false
		}
		chosen := h.settings.Shared.choose(group, from, orphan.message.TopicName)
		if chosen == nil {
			return false
		}
		orphan.qos = min(orphan.message.FixedHeader.Qos, chosen.subscription.Qos)
		if chosen.session.deliver(orphan) {
			return true
		}
		// Its session ended just now, and it is about to leave the group.
		h.router.remove(chosen.session, orphan.shared)
	}
}

// OnSubscribe keeps the library from sending what is retained, which it does past the session.
func (h *sessions) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	own, found := of(cl)
	if found == nil {
		return pk
	}
	own.asked = nil
	before := found.subscriptions()
	filters := append(packets.Subscriptions{}, pk.Filters...)
	for place, filter := range filters {
		_, existed := before[filter.Filter]
		own.asked = append(own.asked, asked{Subscription: filter, existed: existed})
		filters[place].RetainHandling = 2
	}
	pk.Filters = filters
	return pk
}

// OnSubscribed enters what was granted.
func (h *sessions) OnSubscribed(cl *mqtt.Client, _ packets.Packet, reasons []byte) {
	own, found := of(cl)
	if found == nil {
		return
	}
	for place := range own.asked {
		one := &own.asked[place]
		if one.granted = reasons[place] <= packets.CodeGrantedQos2.Code; one.granted {
			found.Lock()
			found.filters[one.Filter] = one.Subscription
			found.Unlock()
			h.router.add(found, one.Subscription)
		}
	}
}

// OnPacketProcessed sends what is retained, once it is said what was granted.
func (h *sessions) OnPacketProcessed(cl *mqtt.Client, pk packets.Packet, err error) {
	own, found := of(cl)
	if found == nil || err != nil || pk.FixedHeader.Type != packets.Subscribe {
		return
	}
	for _, one := range own.asked {
		group, _ := parted(one.Filter)
		if one.granted && group == "" && (one.RetainHandling == 0 || (one.RetainHandling == 1 && !one.existed)) {
			h.sendRetained(found, one.Subscription)
		}
	}
	own.asked = nil
}

func (h *sessions) sendRetained(to *session, subscription packets.Subscription) {
	for _, kept := range h.server.Topics.Messages(subscription.Filter) {
		if strings.HasPrefix(kept.TopicName, "$") && strings.ContainsAny(subscription.Filter[:1], "+#") {
			continue
		}
		message := kept
		made := deliveryOf(&message, target{to, subscription})
		made.retain = true
		to.deliver(made)
	}
}

// OnUnsubscribe takes away what is asked for no more.
func (h *sessions) OnUnsubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	_, found := of(cl)
	if found == nil {
		return pk
	}
	for _, filter := range pk.Filters {
		found.Lock()
		delete(found.filters, filter.Filter)
		found.Unlock()
		h.router.remove(found, filter.Filter)
	}
	return pk
}

// OnSelectSubscribers keeps what the library says of itself from groups that do not name it.
func (h *sessions) OnSelectSubscribers(subscribers *mqtt.Subscribers, _ packets.Packet) *mqtt.Subscribers {
	for filter := range subscribers.Shared {
		if _, inner := parted(filter); strings.ContainsAny(inner[:1], "+#") {
			delete(subscribers.Shared, filter)
		}
	}
	return subscribers
}

// OnWill publishes a will as any other message, at once or when its time has come; the library has none to publish then.
func (h *sessions) OnWill(cl *mqtt.Client, will mqtt.Will) (mqtt.Will, error) {
	own, found := of(cl)
	if found == nil || will.TopicName == nowhere {
		return mqtt.Will{TopicName: nowhere}, nil
	}
	pk := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: will.Qos, Retain: will.Retain},
		TopicName:   will.TopicName,
		Payload:     will.Payload,
		Properties:  packets.Properties{User: will.User},
		Origin:      cl.ID,
	}
	if will.WillDelayInterval == 0 {
		h.publish(pk, own.speaker)
		return mqtt.Will{TopicName: nowhere}, nil
	}
	found.Lock()
	defer found.Unlock()
	if !found.taken {
		delay := time.Duration(will.WillDelayInterval) * time.Second
		found.will = time.AfterFunc(delay, func() { h.publish(pk, newSpeaker(cl.ID)) })
	}
	return mqtt.Will{TopicName: nowhere}, nil
}
