"""Where videos come from: folders, the hub, URLs, YouTube; whether each can be read."""
