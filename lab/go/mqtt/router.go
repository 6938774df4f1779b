package main

import (
	"slices"
	"strings"
	"sync"

	"github.com/mochi-mqtt/server/v2/packets"
)

// router knows who subscribed to what. The library's own merges the subscriptions of a client that fit a topic; EMQX
// gives the client a message for each.
type router struct {
	sync.RWMutex
	root *node
}

// node is a level of filters.
type node struct {
	levels map[string]*node
	plain  map[*session]packets.Subscription
	groups map[string]*group
}

// target is a session that gets a message, and by which subscription.
type target struct {
	session *session
	packets.Subscription
}

func newRouter() *router { return &router{root: newNode()} }

func newNode() *node {
	return &node{map[string]*node{}, map[*session]packets.Subscription{}, map[string]*group{}}
}

// parted is the group of a filter, empty when it is not shared, and the filter within it.
func parted(filter string) (string, string) {
	rest, found := strings.CutPrefix(filter, shared)
	if !found {
		return "", filter
	}
	name, inner, _ := strings.Cut(rest, "/")
	return name, inner
}

// add enters a subscription, or changes one.
func (r *router) add(session *session, subscription packets.Subscription) {
	r.Lock()
	defer r.Unlock()
	name, inner := parted(subscription.Filter)
	at := r.root
	for _, level := range strings.Split(inner, "/") {
		if at.levels[level] == nil {
			at.levels[level] = newNode()
		}
		at = at.levels[level]
	}
	if name == "" {
		at.plain[session] = subscription
		return
	}
	if at.groups[name] == nil {
		at.groups[name] = newGroup()
	}
	at.groups[name].join(session, subscription)
}

// renew makes a session the last that came to the group of a filter, and another than it was.
func (r *router) renew(session *session, filter string) {
	if name, _ := parted(filter); name == "" {
		return
	}
	if group := r.group(filter); group != nil {
		group.renew(session)
	}
}

// remove takes a subscription away.
func (r *router) remove(session *session, filter string) {
	r.Lock()
	defer r.Unlock()
	name, inner := parted(filter)
	r.prune(r.root, strings.Split(inner, "/"), func(at *node) {
		if name == "" {
			delete(at.plain, session)
		} else if group := at.groups[name]; group != nil && group.leave(session) {
			delete(at.groups, name)
		}
	})
}

// prune does something at the end of a filter, and takes away the levels that are empty then; true when this one is.
func (r *router) prune(at *node, levels []string, do func(*node)) bool {
	if len(levels) == 0 {
		do(at)
	} else if next := at.levels[levels[0]]; next != nil && r.prune(next, levels[1:], do) {
		delete(at.levels, levels[0])
	}
	return len(at.levels)+len(at.plain)+len(at.groups) == 0
}

// find gives everyone who gets a message on a topic; one of each group as `choose` says.
func (r *router) find(topic string, choose func(*group) *member) []target {
	r.RLock()
	defer r.RUnlock()
	var found []target
	take := func(at *node) {
		for session, subscription := range at.plain {
			found = append(found, target{session, subscription})
		}
		for _, group := range at.groups {
			if chosen := choose(group); chosen != nil {
				found = append(found, target{chosen.session, chosen.subscription})
			}
		}
	}
	levels := strings.Split(topic, "/")
	// What begins with a dollar is not for whom does not name it.
	walk(r.root, levels, strings.HasPrefix(topic, "$"), take)
	return found
}

func walk(at *node, levels []string, named bool, take func(*node)) {
	if all := at.levels["#"]; all != nil && !named {
		take(all)
	}
	if len(levels) == 0 {
		take(at)
		return
	}
	if next := at.levels[levels[0]]; next != nil && levels[0] != "#" && levels[0] != "+" {
		walk(next, levels[1:], false, take)
	}
	if next := at.levels["+"]; next != nil && !named {
		walk(next, levels[1:], false, take)
	}
}

// group finds the members of a shared subscription again; none when all have left.
func (r *router) group(filter string) *group {
	r.RLock()
	defer r.RUnlock()
	name, inner := parted(filter)
	at := r.root
	for _, level := range strings.Split(inner, "/") {
		if at = at.levels[level]; at == nil {
			return nil
		}
	}
	return at.groups[name]
}

// single leaves one subscription of each session that gets a message once: the first with the best quality.
func single(targets []target) []target {
	var kept []target
	for _, one := range targets {
		place := slices.IndexFunc(kept, func(other target) bool { return other.session == one.session })
		if place < 0 || !one.session.single.Load() {
			kept = append(kept, one)
		} else if kept[place].Qos < one.Qos {
			kept[place] = one
		}
	}
	return kept
}
