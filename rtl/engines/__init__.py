"""One engine per phase of BEP, and the queues and memories between them."""
