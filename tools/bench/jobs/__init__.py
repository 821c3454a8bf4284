"""The jobs: each takes a setting and returns samples; what a sample is, its case says."""
