"""The online paths: models held in memory, and the answers made from them and from what the database knows."""
