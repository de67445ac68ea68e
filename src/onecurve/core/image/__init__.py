"""What is an image: arrays of images, and triggers as functions of images."""
