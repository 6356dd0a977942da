package main

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// checkProxy refuses a proxy in the environment whose URL is invalid. Go ignores one and connects directly. The URL is not quoted: it may have a
// password.
func checkProxy() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := os.Getenv(name)
		if value != "" && !strings.Contains(value, "://") {
			value = "http://" + value
		}
		proxy, err := url.Parse(value)
		if err != nil || value != "" && (proxy.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, proxy.Scheme)) {
			return fmt.Errorf("the environment variable %s is not the URL of a proxy, such as http://proxy.example.com:3128. "+
				"Percent-encode characters in its user and password that have a meaning in a URL", name)
		}
	}
	return nil
}
