"""Programs that ask a deployed site whether it works; each stands alone."""
