"""Small components and layouts that the engines and the link use."""
