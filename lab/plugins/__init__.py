"""Stand-ins of the lab for what no package registry carries: provider plugins and the Python language host."""
