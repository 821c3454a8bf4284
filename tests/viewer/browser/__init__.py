"""The viewer's page in Chromium."""
