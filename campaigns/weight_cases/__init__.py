"""Networks of other libraries, loaded and compared with them."""
