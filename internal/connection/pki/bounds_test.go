package pki_test

import (
	"encoding/asn1"
	"math/big"
	"math/rand"
	"strings"
	"testing"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

// numberOf is an odd number of so many bits.
func numberOf(bits int, seed int64) *big.Int {
	number := new(big.Int).Rand(rand.New(rand.NewSource(seed)), new(big.Int).Lsh(big.NewInt(1), uint(bits)))
	return number.SetBit(number, bits-1, 1).SetBit(number, 0, 1)
}

// keyOf is an RSA key in PKCS#1 whose primes, which are none, have so many bits each.
func keyOf(tb testing.TB, bits int) []byte {
	tb.Helper()
	p, q := numberOf(bits, 1), numberOf(bits, 2)
	n := new(big.Int).Mul(p, q)
	der, err := asn1.Marshal(struct {
		Version                     int
		N, E, D, P, Q, Dp, Dq, Qinv *big.Int
	}{0, n, big.NewInt(65537), numberOf(n.BitLen()-1, 3), p, q, numberOf(bits-1, 4), numberOf(bits-1, 5), numberOf(bits-1, 6)})
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// BenchmarkHostileInput measures what somebody can make a pass cost who writes a Secret or a ConfigMap.
func BenchmarkHostileInput(b *testing.B) {
	for name, text := range map[string]string{
		"300 KB of tiny PEM blocks": strings.Repeat("-----BEGIN X-----\n-----END X-----\n", 300_000/34),
		"300 KB of BEGIN lines":     strings.Repeat("-----BEGIN X-----\n", 300_000/18),
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				_, _, _ = pki.ReadCertificates([]byte(text))
			}
		})
	}
	for name, bits := range map[string]int{"a key of 131072 bits": 131072, "the largest key that is read": 16384} {
		text := PEMBlock("RSA PRIVATE KEY", keyOf(b, bits/2))
		b.Run(name, func(b *testing.B) {
			for range b.N {
				_, _, _ = pki.ReadKey([]byte(text))
			}
		})
	}
}
