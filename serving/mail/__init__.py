"""Mail to customers: what one looks like, handing it to a mail server, and mailings that go on where they were stopped."""
