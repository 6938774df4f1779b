"""The lab's servers and tools: built from pinned modules or fetched from package registries, once per pin."""

from lab.progress import Progress
from lab.tools.building import ensure, missing
from lab.tools.cache import Cache, Timing
from lab.tools.catalogue import Tool, catalogue
from lab.tools.errors import ToolError
from lab.tools.jdk import find_jdk

__all__ = ["Cache", "Progress", "Timing", "Tool", "ToolError", "catalogue", "ensure", "find_jdk", "missing"]
