package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Shared says who of a group gets a message, as EMQX's `mqtt.shared_subscription_…` do.
type Shared struct {
	// `round_robin` when empty, `round_robin_per_group`, `random`, `local`, `sticky`, `hash_clientid`, `hash_topic`.
	Strategy string
	// For `sticky`, by which of the others the first is chosen; `random` when empty.
	InitialPick string
	// In EMQX 5.8 a member is a connection, and so is a publisher: who comes again, with its session too, is the last of
	// the members, and `sticky` chooses anew for it, as for a publisher that comes again. Without, both are their sessions.
	ByConnection bool
}

// check fills in what is left out, and refuses what nobody knows.
func (s *Shared) check() error {
	if s.Strategy == "" {
		s.Strategy = "round_robin"
	}
	picks := []string{"", "random", "local", "hash_clientid", "hash_topic"}
	if !slices.Contains(picks, s.InitialPick) {
		return fmt.Errorf("nobody knows the initial pick %q", s.InitialPick)
	}
	if !slices.Contains(append(picks, "sticky", "round_robin", "round_robin_per_group"), s.Strategy) {
		return fmt.Errorf("nobody knows the strategy %q", s.Strategy)
	}
	return nil
}

// group has the members of a shared subscription, in the order in which they came.
type group struct {
	sync.Mutex
	members []*member
	turn    int
	stuck   map[string]*member
}

type member struct {
	session      *session
	subscription packets.Subscription
}

// speaker is who publishes: its client id, and what is remembered of it for as long as it is connected.
type speaker struct {
	id    string
	stuck map[*group]*member
	turns map[*group]int
}

func newSpeaker(id string) *speaker {
	return &speaker{id, map[*group]*member{}, map[*group]int{}}
}

func newGroup() *group { return &group{stuck: map[string]*member{}} }

func (g *group) place(session *session) int {
	return slices.IndexFunc(g.members, func(one *member) bool { return one.session == session })
}

func (g *group) join(session *session, subscription packets.Subscription) {
	g.Lock()
	defer g.Unlock()
	if place := g.place(session); place >= 0 {
		g.members[place].subscription = subscription
	} else {
		g.members = append(g.members, &member{session, subscription})
	}
}

func (g *group) renew(session *session) {
	g.Lock()
	defer g.Unlock()
	if place := g.place(session); place >= 0 {
		again := *g.members[place]
		g.members = append(slices.Delete(g.members, place, place+1), &again)
	}
}

// leave takes a member away; true when none is left.
func (g *group) leave(session *session) bool {
	g.Lock()
	defer g.Unlock()
	if place := g.place(session); place >= 0 {
		g.members = slices.Delete(g.members, place, place+1)
	}
	return len(g.members) == 0
}

// choose gives the member that gets a message; none when there is none.
func (s *Shared) choose(g *group, from *speaker, topic string) *member {
	g.Lock()
	defer g.Unlock()
	if len(g.members) == 0 {
		return nil
	}
	if s.Strategy != "sticky" {
		return g.members[s.number(s.Strategy, g, from, topic)]
	}
	kept := g.stuck[from.id]
	if s.ByConnection {
		kept = from.stuck[g]
	}
	if !slices.Contains(g.members, kept) {
		kept = g.members[s.number(s.InitialPick, g, from, topic)]
		if s.ByConnection {
			from.stuck[g] = kept
		} else {
			g.stuck[from.id] = kept
		}
	}
	return kept
}

func (s *Shared) number(strategy string, g *group, from *speaker, topic string) int {
	count := len(g.members)
	switch strategy {
	case "hash_clientid":
		return hashed(from.id, count)
	case "hash_topic":
		return hashed(topic, count)
	case "round_robin_per_group":
		g.turn = (g.turn + 1) % count
		return g.turn
	case "round_robin":
		// Each publisher has its own turn, and begins with any.
		turn, begun := from.turns[g]
		if !begun {
			turn = rand.IntN(count)
		}
		from.turns[g] = (turn + 1) % count
		return turn % count
	}
	return rand.IntN(count)
}

func hashed(text string, count int) int {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(text))
	return int(sum.Sum64() % uint64(count))
}
