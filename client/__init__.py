"""What runs where the events are: the Flower ClientApp, the client update, the device runtime."""
