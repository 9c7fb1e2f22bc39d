"""Where all wallets of a shop stand: questions over many at once."""
