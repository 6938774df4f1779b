package main

import (
	"bytes"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// publisher is the user property that names a message's publisher to the rule engine, and a rule to the broker.
const publisher = "lab-publisher"

// rules tells who came in at a door for the rule engine what EMQX tells its own: each message's publisher. What is
// published there in a rule's name has that rule for its publisher.
type rules struct {
	mqtt.HookBase
	settings *Settings
}

func (r *rules) ID() string { return "rules" }

func (r *rules) Provides(hook byte) bool {
	return bytes.Contains([]byte{mqtt.OnPublish, mqtt.OnPacketEncode}, []byte{hook})
}

func (r *rules) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	kept := make([]packets.UserProperty, 0, len(pk.Properties.User))
	for _, property := range pk.Properties.User {
		if property.Key != publisher {
			kept = append(kept, property)
		} else if r.settings.isForRules(cl) {
			pk.Origin = property.Val
		}
	}
	pk.Properties.User = kept
	return pk, nil
}

func (r *rules) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Publish && r.settings.isForRules(cl) {
		named := packets.UserProperty{Key: publisher, Val: pk.Origin}
		pk.Properties.User = append([]packets.UserProperty{named}, pk.Properties.User...)
	}
	return pk
}

func (s *Settings) isForRules(cl *mqtt.Client) bool { return s.Listeners[cl.Net.Listener].Rules }
