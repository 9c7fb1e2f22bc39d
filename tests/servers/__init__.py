"""Real servers for the test session: started when first asked for, ended with the process that asked, whatever happens to it."""
