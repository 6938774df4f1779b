package iot.mqtt_test

import data.iot.mqtt

sites := {"field": {
	"reserved_client_ids": ["incumbent_in"],
	"confined": {"broker-probe.services.field.example": ["field/readiness"]},
	"realm": "field",
	"longest_token": 86400,
	"hosts": {
		"scada.services.field.example": {
			"states": ["spBv1.0/STATE/desk", "STATE/desk"],
			"topics": [
				"spBv1.0/STATE/desk",
				"STATE/desk",
				"spBv1.0/field/NCMD/+",
				"field/+/command/start/#",
			],
		},
		"starter.services.field.example": {"states": [], "topics": ["field/+/command/start/#"]},
	},
	"gateways": {"gw-7.gateways.field.example": {"spaces": ["field/separator", "wells/north"]}},
	"classes": {
		"device": "devices.field.example",
		"gateway": "gateways.field.example",
		"service": "services.field.example",
		"mirror": "mirrors.field.example",
	},
	"rules": [
		{
			"name": "devices-publish",
			"who": {"class": "device"},
			"actions": ["publish"],
			"topics": ["field/${username}/#"],
		},
		{
			"name": "devices-take-commands",
			"who": {"class": "device"},
			"actions": ["subscribe"],
			"topics": ["field/${username}/command/#"],
		},
		{
			"name": "gateways-speak-sparkplug",
			"who": {"class": "gateway"},
			"actions": ["publish"],
			"topics": ["spBv1.0/field/+/${username}/#"],
		},
		{
			"name": "services-read",
			"who": {"class": "service"},
			"actions": ["subscribe"],
			"topics": ["field/#", "ot/field/#"],
		},
		{
			"name": "mirror-publishes",
			"who": {"class": "mirror"},
			"actions": ["publish", "subscribe"],
			"topics": ["ot/field/#", "field/#"],
		},
		{
			"name": "bridges-write",
			"who": {"common_names": ["bridge-*.gateways.field.example", "bridge-*.services.field.example"]},
			"actions": ["publish"],
			"topics": ["field/bridged/#", "ot/field/#"],
		},
		{
			"name": "users-look",
			"who": {"class": "user"},
			"actions": ["publish", "subscribe"],
			"topics": ["field/${username}/#"],
		},
		{
			"name": "users-read",
			"who": {"class": "user"},
			"actions": ["subscribe"],
			"topics": ["field/all/#"],
		},
	],
}}

device := "pump-7.devices.field.example"

service := "historian.services.field.example"

mirror := "plant.mirrors.field.example"

bridge := "bridge-1.services.field.example"

asking(name, action, topic) := {
	"site": "field",
	"username": name,
	"clientid": name,
	"topic": topic,
	"action": action,
	"qos": "1",
	"retain": "false",
	"peerhost": "192.0.2.7",
	"cert_common_name": name,
	"realm": "",
	"holder": "",
}

# What is asked of who came without a certificate, under a token of the realm that the broker has verified.
bringing_token(holder, name, action, topic) := object.union(asking(name, action, topic), {
	"cert_common_name": "undefined",
	"realm": "field",
	"holder": holder,
})

person(name, action, topic) := bringing_token("person", name, action, topic)

answer(question) := decision.result if {
	decision := mqtt.decision with input as question with data.sites as sites
}

objections(question) := found if {
	found := mqtt.objections with input as question with data.sites as sites
}
