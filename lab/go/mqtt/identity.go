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
	login    *policy
	// By client: what is known of it, and what it is asking for just now.
	clients sync.Map
	// By client that is not let in: why.
	refusals sync.Map
}

// asking is a client's own state; others look at it when they deliver to the client.
type asking struct {
	sync.Mutex
	commonName string
	// What a verified token says in its claim `client_attrs`.
	attributes map[string]string
	acl        []rule
	decided    map[string]decision
	// Whether the message that is published just now is refused, and which filters are granted.
	refused bool
	filters map[string]bool
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
	var err error
	if made.policy, err = newPolicy(settings.Policy); err != nil {
		return nil, err
	}
	made.login, err = newPolicy(settings.Login)
	return made, err
}

func newPolicy(settings *Policy) (*policy, error) {
	if settings == nil {
		return nil, nil
	}
	asker, err := client(settings.Authorities)
	return &policy{*settings, asker}, err
}

func (i *identity) ID() string { return "identity" }

func (i *identity) Provides(hook byte) bool {
	return bytes.Contains([]byte{
		mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnPacketRead, mqtt.OnPacketProcessed,
		mqtt.OnPacketEncode, mqtt.OnPublish, mqtt.OnWill, mqtt.OnDisconnect,
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
	state := &asking{decided: map[string]decision{}, commonName: shown(cl)}
	if state.commonName != "" {
		// The name in the certificate is the user name, whatever the client says it is.
		cl.Properties.Username = []byte(state.commonName)
	} else if i.settings.Listeners[cl.Net.Listener].Authenticates {
		refusal := i.refusal(cl, state, string(pk.Connect.Username), string(pk.Connect.Password))
		if refusal != packets.CodeSuccess {
			i.refusals.Store(cl, refusal)
			return false
		}
	}
	i.clients.Store(cl, state)
	return true
}

// OnPacketEncode says why a client is not let in; the library has one word for all.
func (i *identity) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	refusal, refused := i.refusals.LoadAndDelete(cl)
	if pk.FixedHeader.Type != packets.Connack || !refused {
		return pk
	}
	reason := refusal.(packets.Code)
	pk.Properties.ReasonString = ""
	pk.ReasonCode = reason.Code
	if cl.Properties.ProtocolVersion < 5 {
		pk.ReasonCode = packets.Err3NotAuthorized.Code
		if reason == packets.ErrBadUsernameOrPassword {
			pk.ReasonCode = packets.ErrMalformedUsernameOrPassword.Code
		}
	}
	return pk
}

// shown is the common name of the certificate that a client has shown, empty when it has shown none.
func shown(cl *mqtt.Client) string {
	watched, known := cl.Net.Conn.(*wire)
	if !known {
		return ""
	}
	connection, secured := watched.Conn.(*tls.Conn)
	if !secured || len(connection.ConnectionState().PeerCertificates) == 0 {
		return ""
	}
	return connection.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// refusal is why a client is not let in, or CodeSuccess. As in EMQX one is asked after the other until one decides, and
// until they are loaded whoever comes is let in.
func (i *identity) refusal(cl *mqtt.Client, state *asking, name, password string) packets.Code {
	if file, found := i.settings.Users[name]; found {
		kept, err := os.ReadFile(file)
		if err == nil && subtle.ConstantTimeCompare(bytes.TrimSpace(kept), []byte(password)) == 1 {
			return packets.CodeSuccess
		}
		return packets.ErrBadUsernameOrPassword
	}
	if i.settings.LoadedBy != "" {
		if _, err := os.Stat(i.settings.LoadedBy); err != nil {
			return packets.CodeSuccess
		}
	}
	if i.login != nil {
		values := strings.NewReplacer("${username}", name, "${password}", password, "${clientid}", cl.ID)
		switch i.login.ask(values.Replace) {
		case "deny":
			return packets.ErrNotAuthorized
		case "allow":
			return packets.CodeSuccess
		}
	}
	claims, reason := i.claimsOf(name, password)
	if reason == packets.CodeSuccess {
		reason = i.remembered(cl, state, claims)
	}
	if reason != packets.CodeSuccess {
		i.Log.Warn("token refused", "reason", reason.Error())
	}
	return reason
}

// claimsOf checks a token as EMQX does: signature, times, and each claim that must be. A token without an end is good. What
// is signed by nobody known is nothing that it has an opinion on, and at the end of all opinions there is no right.
func (i *identity) claimsOf(name, text string) (jwt.MapClaims, packets.Code) {
	claims := jwt.MapClaims{}
	if i.keys == nil {
		return claims, packets.ErrNotAuthorized
	}
	_, err := jwt.ParseWithClaims(text, claims, i.keys.Keyfunc)
	if errors.Is(err, jwt.ErrTokenInvalidClaims) {
		return claims, packets.ErrBadUsernameOrPassword
	}
	if err != nil {
		return claims, packets.ErrNotAuthorized
	}
	for claim, wanted := range i.settings.Token.Claims {
		// EMQX 5.8.9 refuses a list, also one that holds the right text.
		if said, single := claims[claim].(string); !single || said != strings.ReplaceAll(wanted, "${username}", name) {
			return claims, packets.ErrBadUsernameOrPassword
		}
	}
	return claims, packets.CodeSuccess
}

// remembered takes from a good token what is held against it later, and ends the session with it.
func (i *identity) remembered(cl *mqtt.Client, state *asking, claims jwt.MapClaims) packets.Code {
	var err error
	if state.acl, err = rulesOf(claims[i.settings.Token.ACLClaim]); err != nil {
		return packets.ErrBadUsernameOrPassword
	}
	state.attributes = map[string]string{}
	if said, whole := claims["client_attrs"].(map[string]any); whole {
		for name, value := range said {
			// EMQX drops all but texts.
			if text, single := value.(string); single {
				state.attributes[name] = text
			}
		}
	}
	if expires, err := claims.GetExpirationTime(); err == nil && expires != nil {
		time.AfterFunc(time.Until(expires.Time), func() { _ = end(cl, packets.ErrNotAuthorized) })
	}
	return packets.CodeSuccess
}

// OnPacketRead binds the id of who comes in, and looks at what a client asks for.
func (i *identity) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Type == packets.Connect && i.settings.BindsClientIDs && !i.settings.isForRules(cl) {
		pk.Connect.ClientIdentifier = bound(cl, pk)
	}
	state := i.state(cl)
	if state == nil {
		return pk, nil
	}
	state.Lock()
	defer state.Unlock()
	return i.judged(cl, state, pk)
}

// state is what is known of a client that was let in.
func (i *identity) state(cl *mqtt.Client) *asking {
	kept, found := i.clients.Load(cl)
	if !found {
		return nil
	}
	return kept.(*asking)
}

// bound is the id that a client has, whatever it asked for: nobody takes over another's session.
func bound(cl *mqtt.Client, pk packets.Packet) string {
	if name := shown(cl); name != "" {
		return name
	}
	return string(pk.Connect.Username) + "/" + pk.Connect.ClientIdentifier
}

func (i *identity) OnDisconnect(cl *mqtt.Client, _ error, _ bool) { i.clients.Delete(cl) }

func der(content []byte) []byte {
	if block, _ := pem.Decode(content); block != nil {
		return block.Bytes
	}
	return content
}
