"""What several tests share: a shell at the lab, and clients of its servers."""
