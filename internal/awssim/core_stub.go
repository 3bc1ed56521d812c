package awssim

import "net/http"

// serveCode answers presigned downloads of code.
func (c *Cloud) serveCode(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
