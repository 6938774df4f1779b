"""The lab's stand-ins for what no package registry carries: provider plugins and the language host."""
