"""The queries and the answers of the API."""
