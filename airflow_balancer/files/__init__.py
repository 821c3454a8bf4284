"""Reading YAML files and finding them; nothing here knows of fleets."""
