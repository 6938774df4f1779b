package main

import (
	"encoding/json"
	"errors"
	"strings"
)

// rule is one entry of a token's `acl` claim. EMQX holds the rules in their order before it asks anybody else: the
// first that fits decides, and where none does it asks on.
type rule struct {
	Permission string
	Action     string
	Topic      string
}

// rulesOf reads the claim. EMQX's older form, a map of lists, denies whatever it does not name: nobody would be asked
// after it, so the lab refuses a token that has it.
func rulesOf(claim any) ([]rule, error) {
	if claim == nil {
		return nil, nil
	}
	if _, list := claim.([]any); !list {
		return nil, errors.New("the token's rules are no list")
	}
	text, err := json.Marshal(claim)
	if err != nil {
		return nil, err
	}
	rules := []rule{}
	err = json.Unmarshal(text, &rules)
	return rules, err
}

// permitted is `allow` or `deny`, empty when no rule fits.
func permitted(rules []rule, action, topic string) string {
	for _, rule := range rules {
		if (rule.Action == "all" || rule.Action == action) && matches(topic, rule.Topic) {
			return rule.Permission
		}
	}
	return ""
}

// matches holds a topic against a filter, level by level.
func matches(topic, filter string) bool {
	levels, wanted := strings.Split(topic, "/"), strings.Split(filter, "/")
	for number, level := range wanted {
		if level == "#" {
			return true
		}
		if number >= len(levels) || (level != "+" && level != levels[number]) {
			return false
		}
	}
	return len(levels) == len(wanted)
}
