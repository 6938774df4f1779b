// An MQTT 5 broker for the lab, on loopback alone: it stands for EMQX at the site's door (certificates, tokens and the
// policy server decide), or for the broker that is replaced (names and passwords).
//
// `mqtt SETTINGS` reads a JSON file (see settings.go), prints `ready` once it listens, and runs until it is told to stop.
// What became of each client's messages is in `figures.json` beside that file (see figures.go).
package main

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: mqtt SETTINGS")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	settings, err := readSettings(file)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	capabilities := mqtt.NewDefaultServerCapabilities()
	// An acknowledgement with the message's own properties comes with a reason that MQTT 5 does not have there.
	capabilities.Compatibilities.NoInheritedPropertiesOnAck = true
	// What is bounded is bounded in sessions.go; the library's own writes are what it says of itself.
	capabilities.MaximumMessageExpiryInterval = 0
	capabilities.MaximumInflight = math.MaxUint16
	capabilities.MaximumClientWritesPending = 256
	server := mqtt.New(&mqtt.Options{Logger: log, Capabilities: capabilities})
	identity, err := newIdentity(settings, server)
	if err != nil {
		return err
	}
	kept := newSessions(settings, server)
	// The last has what the others made of a message.
	for _, hook := range []mqtt.Hook{identity, &rules{settings: settings}, kept} {
		if err := server.AddHook(hook, nil); err != nil {
			return err
		}
	}
	for name, wanted := range settings.Listeners {
		tls, err := wanted.tls()
		if err != nil {
			return fmt.Errorf("listener %s: %w", name, err)
		}
		config := listeners.Config{ID: name, Address: wanted.Address, TLSConfig: tls}
		var listener listeners.Listener = listeners.NewTCP(config)
		if wanted.WebSocket {
			listener = listeners.NewWebsocket(config)
		}
		if err := server.AddListener(&watched{listener, settings.LargestPacket, kept.leave}); err != nil {
			return fmt.Errorf("listener %s: %w", name, err)
		}
	}
	go kept.sweep()
	go kept.report(filepath.Join(filepath.Dir(file), "figures.json"))
	if err := server.Serve(); err != nil {
		return err
	}
	fmt.Println("ready")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
	kept.hurry()
	return server.Close()
}
