package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// identity decides who a client is and, by the policy server, what it may do.
type identity struct {
	mqtt.HookBase
	settings *Settings
	server   *mqtt.Server
	keys     keyfunc.Keyfunc
	policy   *policy
	// By client: the certificate's common name, and what it is asking for just now.
	clients sync.Map
}

// asking is a client's own state; others look at it when they deliver to the client.
type asking struct {
	sync.Mutex
	commonName string
	qos        map[string]byte
	retain     bool
	decided    map[string]decision
}

func newIdentity(settings *Settings, server *mqtt.Server) (*identity, error) {
	made := &identity{settings: settings, server: server}
	if token := settings.Token; token != nil {
		asker, err := client(token.Authorities)
		if err != nil {
			return nil, err
		}
		options := keyfunc.Override{Client: asker, RefreshInterval: time.Minute}
		if made.keys, err = keyfunc.NewDefaultOverrideCtx(context.Background(), []string{token.Keys}, options); err != nil {
			return nil, err
		}
	}
	if settings.Policy != nil {
		asker, err := client(settings.Policy.Authorities)
		if err != nil {
			return nil, err
		}
		made.policy = &policy{*settings.Policy, asker}
	}
	return made, nil
}

func (i *identity) ID() string { return "identity" }

func (i *identity) Provides(hook byte) bool {
	return bytes.Contains([]byte{
		mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnPacketRead, mqtt.OnDisconnect,
	}, []byte{hook})
}

// OnConnectAuthenticate lets in who shows a certificate where one is needed, and elsewhere a password or token.
func (i *identity) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	state := &asking{qos: map[string]byte{}, decided: map[string]decision{}}
	if i.settings.Listeners[cl.Net.Listener].Authorities != "" {
		connection, secured := cl.Net.Conn.(*tls.Conn)
		if !secured {
			return false
		}
		state.commonName = connection.ConnectionState().PeerCertificates[0].Subject.CommonName
		// The name in the certificate is the user name, whatever the client says it is.
		cl.Properties.Username = []byte(state.commonName)
	} else if !i.known(cl, string(pk.Connect.Username), string(pk.Connect.Password)) {
		return false
	}
	i.clients.Store(cl, state)
	return true
}

func (i *identity) known(cl *mqtt.Client, name, password string) bool {
	if file, found := i.settings.Users[name]; found {
		kept, err := os.ReadFile(file)
		return err == nil && subtle.ConstantTimeCompare(bytes.TrimSpace(kept), []byte(password)) == 1
	}
	expires, err := i.tokenOf(name, password)
	if err != nil {
		i.Log.Warn("token refused", "reason", err.Error())
		return false
	}
	time.AfterFunc(time.Until(expires), func() { i.end(cl) })
	return true
}

// tokenOf checks a token as EMQX does: signature, times, and each claim that must be.
func (i *identity) tokenOf(name, text string) (time.Time, error) {
	if i.keys == nil {
		return time.Time{}, errors.New("nobody here takes tokens")
	}
	claims := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(text, claims, i.keys.Keyfunc, jwt.WithExpirationRequired()); err != nil {
		return time.Time{}, err
	}
	for claim, wanted := range i.settings.Token.Claims {
		// EMQX 5.8.9 refuses a list, also one that holds the right text.
		if said, single := claims[claim].(string); !single || said != strings.ReplaceAll(wanted, "${username}", name) {
			return time.Time{}, errors.New("the claim " + claim + " is not what it must be")
		}
	}
	expires, err := claims.GetExpirationTime()
	return expires.Time, err
}

// OnPacketRead remembers what the client asks with, which the check itself is not told.
func (i *identity) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	kept, found := i.clients.Load(cl)
	if !found {
		return pk, nil
	}
	state := kept.(*asking)
	state.Lock()
	defer state.Unlock()
	if pk.FixedHeader.Type == packets.Publish {
		state.retain = pk.FixedHeader.Retain
		state.qos = map[string]byte{pk.TopicName: pk.FixedHeader.Qos}
	}
	if pk.FixedHeader.Type == packets.Subscribe {
		state.qos = map[string]byte{}
		for _, filter := range pk.Filters {
			state.qos[filter.Filter] = filter.Qos
		}
	}
	return pk, nil
}

// OnACLCheck asks the policy server; who is denied is cut off, as EMQX is told to do.
func (i *identity) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	if i.policy == nil || i.settings.isForRules(cl) {
		return true
	}
	kept, found := i.clients.Load(cl)
	if !found {
		return false
	}
	state := kept.(*asking)
	state.Lock()
	defer state.Unlock()
	qos, asked := state.qos[topic]
	if !write && !asked {
		// A delivery: what was subscribed to was decided then.
		return true
	}
	if i.policy.allows(cl, state, topic, write, qos) {
		return true
	}
	go i.end(cl)
	return false
}

func (i *identity) OnDisconnect(cl *mqtt.Client, _ error, _ bool) { i.clients.Delete(cl) }

func (i *identity) end(cl *mqtt.Client) {
	if !cl.Closed() {
		_ = i.server.DisconnectClient(cl, packets.ErrNotAuthorized)
	}
}

func der(content []byte) []byte {
	if block, _ := pem.Decode(content); block != nil {
		return block.Bytes
	}
	return content
}
