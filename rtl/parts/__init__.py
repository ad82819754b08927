"""Small components and layouts that the engines and the link are made of."""
