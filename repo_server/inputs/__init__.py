"""What a render reads, found without rendering: the material of the render key."""
