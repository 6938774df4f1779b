"""The page of the lab's Prometheus: asks it anything, and says why its own pages are not there."""

from pathlib import Path

from lab.files import write_if_changed

# Where Prometheus leads who opens its address, or an alert's link, once its external address ends in `/consoles`.
NAMES = ("query", "graph")
PATH = "/consoles"

# A console template of Prometheus' own, in Go's html/template: what is asked for is escaped where it is shown.
_TEXT = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Prometheus of the lab</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em; max-width: 70em }
input[type=text] { width: 40em; max-width: 90%; font: inherit }
table { border-collapse: collapse; margin: 1em 0 }
td, th { border-bottom: 1px solid #ccc; padding: .2em .8em; text-align: left; vertical-align: top }
td.value { text-align: right; white-space: nowrap }
</style>
</head>
<body>
<h1>Prometheus of the lab</h1>
<p>This is a page of the lab's own. Prometheus' pages (<code>/query</code>, <code>/alerts</code>, <code>/targets</code>)
answer with an error here: they are built with Node.js, and the lab builds Prometheus from its Go modules alone.
Its API is complete: <code>promtool query instant</code> and <code>/api/v1/…</code> answer everything.</p>
{{ $asked := .Params.q }}
{{ if not $asked }}{{ $asked = index .Params "g0.expr" }}{{ end }}
{{ if not $asked }}{{ $asked = "up" }}{{ end }}
<form><p><label>Expression <input type="text" name="q" value="{{ $asked }}" autofocus></label>
<input type="submit" value="Ask"></p></form>
<table>
<tr><th>series</th><th>value now</th></tr>
{{ range query $asked }}
<tr><td>{{ range $name, $value := .Labels }}{{ $name }}=&quot;{{ $value }}&quot; {{ end }}</td>
<td class="value">{{ .Value }}</td></tr>
{{ else }}
<tr><td colspan="2">no series</td></tr>
{{ end }}
</table>
<h2>Alerts that fire</h2>
<table>
<tr><th>alert</th><th>site</th><th>severity</th></tr>
{{ range query "ALERTS{alertstate='firing'}" }}
<tr><td>{{ .Labels.alertname }}</td><td>{{ .Labels.site }}</td><td>{{ .Labels.severity }}</td></tr>
{{ else }}
<tr><td colspan="3">none</td></tr>
{{ end }}
</table>
</body>
</html>
"""


def write_page(folder: Path) -> tuple[Path, ...]:
    """Write the page under each name that Prometheus leads to; return the files."""
    return tuple(write_if_changed(folder / name, _TEXT) for name in NAMES)
