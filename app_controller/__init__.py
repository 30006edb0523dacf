"""Keeps applications on their way to the desired state. Start reading at controller.py."""
