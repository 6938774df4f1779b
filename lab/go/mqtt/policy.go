package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"regexp"
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

// request is what a client asks for just now.
type request struct {
	topic  string
	write  bool
	qos    byte
	retain bool
}

// attribute is the placeholder of one of a client's attributes; nothing stands for one that there is not.
var attribute = regexp.MustCompile(`\$\{client_attrs\.([^}]*)\}`)

// allows is true for "allow" alone: a server that fails has no opinion, and what nobody allows is denied.
func (p *policy) allows(cl *mqtt.Client, state *asking, asked request) bool {
	topic, whole := asksFor(asked.topic)
	if !whole {
		return false
	}
	action := "subscribe"
	if asked.write {
		action = "publish"
	}
	if permission := permitted(state.acl, action, topic); permission != "" {
		return permission == "allow"
	}
	key := action + " " + topic
	if kept, found := state.decided[key]; found && time.Now().Before(kept.until) {
		return kept.allowed
	}
	host, _, _ := net.SplitHostPort(cl.Net.Remote)
	answer := p.ask(func(template string) string {
		filled := attribute.ReplaceAllStringFunc(template, func(found string) string {
			return state.attributes[attribute.FindStringSubmatch(found)[1]]
		})
		return strings.NewReplacer(
			"${username}", string(cl.Properties.Username),
			"${clientid}", cl.ID,
			"${topic}", topic,
			"${action}", action,
			"${qos}", strconv.Itoa(int(asked.qos)),
			"${retain}", strconv.FormatBool(asked.write && asked.retain),
			"${peerhost}", host,
			"${cert_common_name}", commonName(state),
		).Replace(filled)
	})
	allowed := answer == "allow"
	if answer != "" && len(state.decided) < p.CacheSize {
		state.decided[key] = decision{allowed, time.Now().Add(time.Duration(p.CacheSeconds) * time.Second)}
	}
	return allowed
}

// ask returns the server's word, empty when there is none.
func (p *policy) ask(fill func(string) string) string {
	body := map[string]string{}
	for name, template := range p.Body {
		body[name] = fill(template)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return ""
	}
	answer, err := p.client.Post(p.URL, "application/json", bytes.NewReader(text))
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	said := struct{ Result string }{}
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&said) != nil {
		return ""
	}
	return said.Result
}

// commonName is what EMQX gives for a client without certificate: the word that its template has for nothing.
func commonName(state *asking) string {
	if state.commonName == "" {
		return "undefined"
	}
	return state.commonName
}
