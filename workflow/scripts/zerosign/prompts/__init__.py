"""Prompts: templates, texts from files and addresses, candidate lists and their orders."""
