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
	acl        []rule
	denied     bool
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
		mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnPacketRead, mqtt.OnPacketProcessed, mqtt.OnDisconnect,
	}, []byte{hook})
}

// OnConnect refuses an address that the listener's rules do not let in.
func (i *identity) OnConnect(cl *mqtt.Client, _ packets.Packet) error {
	if !i.settings.Listeners[cl.Net.Listener].letsIn(cl.Net.Remote) {
		return packets.ErrNotAuthorized
	}
	return nil
}

// OnConnectAuthenticate lets in who has shown a certificate, and elsewhere who has a password or token.
func (i *identity) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	state := &asking{qos: map[string]byte{}, decided: map[string]decision{}, commonName: shown(cl)}
	if state.commonName != "" {
		// The name in the certificate is the user name, whatever the client says it is.
		cl.Properties.Username = []byte(state.commonName)
	} else if i.settings.Listeners[cl.Net.Listener].Authenticates &&
		!i.known(cl, state, string(pk.Connect.Username), string(pk.Connect.Password)) {
		return false
	}
	i.clients.Store(cl, state)
	return true
}

// shown is the common name of the certificate that a client has shown, empty when it has shown none.
func shown(cl *mqtt.Client) string {
	connection, secured := cl.Net.Conn.(*tls.Conn)
	if !secured || len(connection.ConnectionState().PeerCertificates) == 0 {
		return ""
	}
	return connection.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func (i *identity) known(cl *mqtt.Client, state *asking, name, password string) bool {
	if file, found := i.settings.Users[name]; found {
		kept, err := os.ReadFile(file)
		return err == nil && subtle.ConstantTimeCompare(bytes.TrimSpace(kept), []byte(password)) == 1
	}
	expires, acl, err := i.tokenOf(name, password)
	if err != nil {
		i.Log.Warn("token refused", "reason", err.Error())
		return false
	}
	state.acl = acl
	time.AfterFunc(time.Until(expires), func() { i.end(cl) })
	return true
}

// tokenOf checks a token as EMQX does: signature, times, each claim that must be, and its rules.
func (i *identity) tokenOf(name, text string) (time.Time, []rule, error) {
	if i.keys == nil {
		return time.Time{}, nil, errors.New("nobody here takes tokens")
	}
	claims := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(text, claims, i.keys.Keyfunc, jwt.WithExpirationRequired()); err != nil {
		return time.Time{}, nil, err
	}
	for claim, wanted := range i.settings.Token.Claims {
		// EMQX 5.8.9 refuses a list, also one that holds the right text.
		if said, single := claims[claim].(string); !single || said != strings.ReplaceAll(wanted, "${username}", name) {
			return time.Time{}, nil, errors.New("the claim " + claim + " is not what it must be")
		}
	}
	acl, err := rulesOf(claims[i.settings.Token.ACLClaim])
	if err != nil {
		return time.Time{}, nil, err
	}
	expires, err := claims.GetExpirationTime()
	return expires.Time, acl, err
}

// OnPacketRead binds the id of who comes in, and remembers what a client asks with, which the check itself is not told.
func (i *identity) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Type == packets.Connect && i.settings.BindsClientIDs && !i.settings.isForRules(cl) {
		pk.Connect.ClientIdentifier = bound(cl, pk)
	}
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

// bound is the id that a client has, whatever it asked for: nobody takes over another's session.
func bound(cl *mqtt.Client, pk packets.Packet) string {
	if name := shown(cl); name != "" {
		return name
	}
	return string(pk.Connect.Username) + "/" + pk.Connect.ClientIdentifier
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
	state.denied = true
	return false
}

// OnPacketProcessed cuts off who was denied, once it has been told.
func (i *identity) OnPacketProcessed(cl *mqtt.Client, _ packets.Packet, _ error) {
	kept, found := i.clients.Load(cl)
	if !found {
		return
	}
	state := kept.(*asking)
	state.Lock()
	denied := state.denied
	state.Unlock()
	if denied {
		i.end(cl)
	}
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
