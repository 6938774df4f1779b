package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// Settings say who is let in and who decides; every file is PEM unless it says otherwise.
type Settings struct {
	Listeners map[string]Listener
	// Who may come in by name and password: the file that holds the password, by name.
	Users map[string]string
	Token *Token
	// The server that is asked about a name and token before the token is looked at; it may refuse, or leave it to the next.
	Login *Policy
	// The file whose presence says that tokens are looked at. Before, as in EMQX, whoever comes is let in. Always, if empty.
	LoadedBy string
	// Whether a client's id is its certificate's common name, or begins with its user name and a slash.
	BindsClientIDs bool
	// Without one, who is in may do everything.
	Policy *Policy
	// Whether the session of who asks for what it may not goes on (`deny_action = ignore`).
	KeepsSessions bool
	// Bytes of the largest packet; no bound when 0.
	LargestPacket int
	// Who of a group gets a message.
	Shared Shared
	// Whether a client gets a message for each of its subscriptions that fit it, as from EMQX, or one.
	EachSubscription bool
	// What holds for sessions, and, by the names of zones, for those of the listeners that are in one.
	Session Zone
	Zones   map[string]Zone
}

// Zone says how much a session may hold.
type Zone struct {
	// Messages that wait; no bound when 0. The oldest go when there are more.
	Queue int
	// Messages of QoS 1 and 2 that are on their way to a client; its own bound alone when 0.
	Window int
	// Messages of QoS 2 that have come in and are not released; no bound when 0.
	Awaited int
	// How long the session of a client of MQTT 3.1.1 is kept; as long as the broker runs when 0.
	SessionSeconds uint32
	// Whether messages of QoS 0 wait as well.
	StoresQoS0 bool
}

// Listener is one door, always TLS.
type Listener struct {
	Address     string
	Certificate string
	Key         string
	// Authorities of client certificates: with them a certificate is asked for, and its common name is the user name.
	Authorities string
	// Whether a client without a certificate is cut off in the handshake.
	CertificateNeeded bool
	// Whether a client without a certificate must show a password or token; else it is let in, as EMQX would.
	Authenticates bool
	// Versions of TLS, by EMQX's names; all from 1.2 on when there are none.
	Versions []string
	// Lists of revoked certificates, DER or PEM: a certificate on one of them is refused.
	Revoked []string
	// Whose addresses are let in: `allow CIDR` or `deny all`, the first that fits; all when there are none.
	Access    []string
	WebSocket bool
	// For what stands for EMQX's rule engine, which is inside the broker: nobody asks the policy server about it.
	Rules bool
	// The zone it is in, if any.
	Zone string
}

// Token says which JSON Web Tokens are taken as passwords.
type Token struct {
	Keys        string
	Authorities string
	// What each claim must be; `${username}` stands for the name that the client gives.
	Claims map[string]string
	// The claim with rules that are held before the policy server is asked.
	ACLClaim string
}

// Policy is a server that is asked with a body of texts: before each publish and subscribe, or about a login.
type Policy struct {
	URL         string
	Authorities string
	// A flat map of texts with EMQX's placeholders.
	Body map[string]string
	// How long, and how many, decisions are remembered for each client.
	CacheSeconds int
	CacheSize    int
}

func readSettings(file string) (*Settings, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	settings := &Settings{}
	if err := json.Unmarshal(text, settings); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := settings.Shared.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for name, listener := range settings.Listeners {
		if _, known := settings.Zones[listener.Zone]; listener.Zone != "" && !known {
			return nil, fmt.Errorf("%s: listener %s: nobody knows zone %q", file, name, listener.Zone)
		}
		host, _, err := net.SplitHostPort(listener.Address)
		if address := net.ParseIP(host); err != nil || address == nil || !address.IsLoopback() {
			return nil, fmt.Errorf("%s: listener %s: %q is no loopback address", file, name, listener.Address)
		}
	}
	return settings, nil
}

// zone says what holds for a client's session.
func (s *Settings) zone(cl *mqtt.Client) Zone {
	if name := s.Listeners[cl.Net.Listener].Zone; name != "" {
		return s.Zones[name]
	}
	return s.Session
}

func (l Listener) tls() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(l.Certificate, l.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if len(l.Versions) > 0 {
		config.MinVersion, config.MaxVersion = versions(l.Versions)
	}
	if l.Authorities == "" {
		return config, nil
	}
	if config.ClientCAs, err = pool(l.Authorities); err != nil {
		return nil, err
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if l.CertificateNeeded {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return nil
		}
		return l.refuseRevoked(state.PeerCertificates[0])
	}
	return config, nil
}

// versions are the lowest and the highest of those that are named.
func versions(named []string) (lowest, highest uint16) {
	known := map[string]uint16{"tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13}
	lowest, highest = tls.VersionTLS13, tls.VersionTLS12
	for _, name := range named {
		lowest, highest = min(lowest, known[name]), max(highest, known[name])
	}
	return lowest, highest
}

// letsIn holds the address of a client against the listener's rules, as EMQX does.
func (l Listener) letsIn(remote string) bool {
	if len(l.Access) == 0 {
		return true
	}
	host, _, _ := net.SplitHostPort(remote)
	address := net.ParseIP(host)
	for _, rule := range l.Access {
		word, who, _ := strings.Cut(rule, " ")
		_, network, err := net.ParseCIDR(who)
		if who == "all" || (err == nil && network.Contains(address)) {
			return word == "allow"
		}
	}
	return false
}

// refuseRevoked reads the lists anew each time: whoever keeps them fresh writes the files.
func (l Listener) refuseRevoked(certificate *x509.Certificate) error {
	for _, file := range l.Revoked {
		list, err := revocationList(file)
		if err != nil {
			return err
		}
		// OTP answers `revocation_status_undetermined` then, and EMQX refuses whoever comes.
		if time.Now().After(list.NextUpdate) {
			return fmt.Errorf("the list of revoked certificates lapsed at %s", list.NextUpdate.Format(time.RFC3339))
		}
		for _, entry := range list.RevokedCertificateEntries {
			if entry.SerialNumber.Cmp(certificate.SerialNumber) == 0 {
				return errors.New("the client's certificate is revoked")
			}
		}
	}
	return nil
}

func revocationList(file string) (*x509.RevocationList, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list, err := x509.ParseRevocationList(der(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

func pool(file string) (*x509.CertPool, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	found := x509.NewCertPool()
	if !found.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return found, nil
}

// client asks over TLS, and believes these authorities alone.
func client(authorities string) (*http.Client, error) {
	roots, err := pool(authorities)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	return &http.Client{Transport: transport, Timeout: 5 * time.Second}, nil
}
