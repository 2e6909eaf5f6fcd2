"""What each command does; `vetika_cli.arguments` says how it is called."""
