"""What happens to a payment when nobody calls: asked again, sent again where that is safe, or left to two persons."""
