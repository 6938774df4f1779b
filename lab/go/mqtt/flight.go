package main

import "github.com/mochi-mqtt/server/v2/packets"

// delivery is a message for one session.
type delivery struct {
	message     *packets.Packet
	qos         byte
	retain      bool
	identifiers []int
	// The shared subscription by which it came, empty when it is the client's own.
	shared string
}

// flight is a delivery of QoS 1 or 2 that has a number.
type flight struct {
	delivery
	number uint16
	// Whether it is on this connection, was on one before, and (QoS 2) has come to the client.
	placed, again, released bool
}

// parcel is what is written: a flight, or a delivery of QoS 0.
type parcel struct {
	delivery
	flight *flight
}

// number gives a delivery the next number that is free, and puts it on the connection.
func (s *session) number(d delivery) {
	for {
		s.last++
		if _, used := s.numbers[s.last]; s.last != 0 && !used {
			break
		}
	}
	made := &flight{delivery: d, number: s.last}
	s.numbers[s.last] = made
	s.flights = append(s.flights, made)
	s.place(made)
}

func (d delivery) packet() packets.Packet {
	made := *d.message
	made.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: d.qos, Retain: d.retain}
	made.Properties.SubscriptionIdentifier = d.identifiers
	return made
}

func (f *flight) packet() packets.Packet {
	if f.released {
		return answer(packets.Pubrel, f.number, packets.CodeSuccess)
	}
	made := f.delivery.packet()
	made.PacketID, made.FixedHeader.Dup = f.number, f.again
	return made
}

// done takes a number as acknowledged: one of QoS 1, one of QoS 2 that was released, or any.
func (s *session) done(number uint16, whatever bool) {
	s.Lock()
	defer s.Unlock()
	found := s.numbers[number]
	if found == nil || !(whatever || found.qos == 1 || found.released) {
		return
	}
	delete(s.numbers, number)
	for place, flight := range s.flights {
		if flight == found {
			s.flights = append(s.flights[:place], s.flights[place+1:]...)
			break
		}
	}
	if !found.placed {
		s.behind--
	}
	s.refill()
}

// release marks a message of QoS 2 as come to the client; false when there is none with that number.
func (s *session) release(number uint16) bool {
	s.Lock()
	defer s.Unlock()
	found := s.numbers[number]
	if found == nil || found.qos != 2 {
		return false
	}
	found.released = true
	return true
}

// receive remembers the number of a message of QoS 2 that came in: whether it was there before, and whether there is
// room for it.
func (s *session) receive(number uint16) (known, room bool) {
	s.Lock()
	defer s.Unlock()
	_, known = s.received[number]
	room = known || s.zone.Awaited == 0 || len(s.received) < s.zone.Awaited
	if room {
		s.received[number] = struct{}{}
	}
	return known, room
}

// forget takes a number of QoS 2 as released by the client; false when there is none such.
func (s *session) forget(number uint16) bool {
	s.Lock()
	defer s.Unlock()
	_, known := s.received[number]
	delete(s.received, number)
	return known
}

// answer is an acknowledgement of one's own.
func answer(kind byte, number uint16, reason packets.Code) packets.Packet {
	header := packets.FixedHeader{Type: kind}
	if kind == packets.Pubrel {
		header.Qos = 1
	}
	return packets.Packet{FixedHeader: header, PacketID: number, ReasonCode: reason.Code}
}
