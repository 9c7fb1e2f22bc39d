"""Credit notes: taking back a part of an issued invoice, never more than it was over."""
