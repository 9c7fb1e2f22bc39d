"""What a business set about signals, whether something is broken for everybody now, and how far its events were looked through."""
