package main

import "strings"

const (
	shared  = "$share/"
	queue   = "$queue/"
	delayed = "$delayed/"
)

// isTopic is true for what can be published to.
func isTopic(topic string) bool { return topic != "" && !strings.ContainsAny(topic, "+#") }

// isFilter is true for what EMQX lets one subscribe to; the group of a shared subscription is a level, and within it there
// is no other.
func isFilter(filter string) bool {
	if rest, found := strings.CutPrefix(filter, shared); found {
		group, inner, whole := strings.Cut(rest, "/")
		return whole && group != "" && !strings.ContainsAny(group, "+#") && isUnshared(inner)
	}
	if rest, found := strings.CutPrefix(filter, queue); found {
		return isUnshared(rest)
	}
	return isUnshared(filter)
}

func isUnshared(filter string) bool {
	if filter == "" || strings.HasPrefix(filter, shared) || strings.HasPrefix(filter, queue) {
		return false
	}
	levels := strings.Split(filter, "/")
	for number, level := range levels {
		if strings.ContainsAny(level, "+#") && level != "+" && (level != "#" || number != len(levels)-1) {
			return false
		}
	}
	return true
}

// libraryFilter is a filter as the library has it: EMQX's queue is a shared subscription of a group of that name.
func libraryFilter(filter string) string {
	if rest, found := strings.CutPrefix(filter, queue); found {
		return shared + "$queue/" + rest
	}
	return filter
}

// asksFor is the topic or filter that EMQX shows the policy server, and whether there is one: who subscribes with others
// asks for the same messages, and what is to be held back is asked for as if it were not.
func asksFor(topic string) (string, bool) {
	if rest, found := strings.CutPrefix(topic, shared); found {
		_, topic, _ = strings.Cut(rest, "/")
	} else if rest, found := strings.CutPrefix(topic, queue); found {
		topic = rest
	}
	for strings.HasPrefix(topic, delayed) {
		_, inner, found := strings.Cut(strings.TrimPrefix(topic, delayed), "/")
		if !found {
			return "", false
		}
		topic = inner
	}
	return topic, true
}
