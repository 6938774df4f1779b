package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// policy asks the policy server with the body that EMQX asks with.
type policy struct {
	Policy
	client *http.Client
}

type decision struct {
	allowed bool
	until   time.Time
}

// allows is true for "allow" alone: a server that fails has no opinion, and what nobody allows is denied.
func (p *policy) allows(cl *mqtt.Client, state *asking, topic string, write bool, qos byte) bool {
	action := "subscribe"
	if write {
		action = "publish"
	}
	// Who subscribes with others asks for the same messages.
	if parts := strings.SplitN(topic, "/", 3); !write && parts[0] == "$share" && len(parts) == 3 {
		topic = parts[2]
	}
	if permission := permitted(state.acl, action, topic); permission != "" {
		return permission == "allow"
	}
	key := action + " " + topic
	if kept, found := state.decided[key]; found && time.Now().Before(kept.until) {
		return kept.allowed
	}
	host, _, _ := net.SplitHostPort(cl.Net.Remote)
	values := strings.NewReplacer(
		"${username}", string(cl.Properties.Username),
		"${clientid}", cl.ID,
		"${topic}", topic,
		"${action}", action,
		"${qos}", strconv.Itoa(int(qos)),
		"${retain}", strconv.FormatBool(write && state.retain),
		"${peerhost}", host,
		"${cert_common_name}", commonName(state),
	)
	body := map[string]string{}
	for name, template := range p.Body {
		body[name] = values.Replace(template)
	}
	allowed, answered := p.ask(body)
	if answered && len(state.decided) < p.CacheSize {
		state.decided[key] = decision{allowed, time.Now().Add(time.Duration(p.CacheSeconds) * time.Second)}
	}
	return allowed
}

// ask returns whether it is allowed, and whether there was an answer at all.
func (p *policy) ask(body map[string]string) (bool, bool) {
	text, err := json.Marshal(body)
	if err != nil {
		return false, false
	}
	answer, err := p.client.Post(p.URL, "application/json", bytes.NewReader(text))
	if err != nil {
		return false, false
	}
	defer answer.Body.Close()
	said := struct{ Result string }{}
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&said) != nil {
		return false, false
	}
	return said.Result == "allow", true
}

// commonName is what EMQX gives for a client without certificate: the word that its template has for nothing.
func commonName(state *asking) string {
	if state.commonName == "" {
		return "undefined"
	}
	return state.commonName
}
