package awssim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
)

// trailKey is the private key, PKCS #1 in base64, that signs the digests of simulated trails
// in every region. It is published here and vouches for nothing: making one takes a fifth of
// a second of processor time, for each of the hundreds of accounts that the tests make.
const trailKey = "MIIEowIBAAKCAQEAsE3nQ0qO2DhYF4mlE3kPrpbG97WIEPw5dsAcC60Gs5xHLR93Tw8nNXW02PQLCyfoXQ6X+aAxt+paM1Brtj6r" +
	"LvkY92UsgFbcUFRALClcgIBdDbFNJ0dMhly/m260NGYwrqxY4KHMawCDabr4WZM2OorloDFZbK3jREW3nTVUjroyg2K/rK7V5Jw2" +
	"T6cHCQWlkdekqorZDKZQH8G7BjJbcWVP/jkV1a73K8v4knJMFEBZ9wO1ZDlxUGz5lYWVY/6WcXLsBZKufo41wgIFw0vMyxvszU4r" +
	"M+aBgp80fRwg8FaRZoDIItokIwFQ0ARROLzNUL6OrCgSoid3IUHvQnDRawIDAQABAoIBAAHHVMEdNEdie3eyp/Yu1KWBGD0b2Tq7" +
	"+K5wg2KWGnO0bL679bMCpvVx8bhLRKiWUftNBY57UGptFFThMlJShofrnmtchhrosBdQCkeycSBLazo9+CvLGy6zKoGxwmKm8fBz" +
	"2lUF0i9K1YiQXidf21Oy3rHY3ZtBk9c2ptgQrNY1xAas169izDHKm4vEpsS2XrENcEeXRKEnc62wut/+7/d9PIb1UA/9ldyAUTth" +
	"Qb7ayFRSWPNqZfvYAIJEaT6OH3xfqBMnN+SdHghe36yvny3fBfDQ63rtLldF8EmnGVpK7EVnk5O/VPTo17h6q8DZdRQFAu4tgMOk" +
	"KueWnfNxslkCgYEA8ENmrd9yWWLpT/THxuMy5U8q+We0W/0RPP+cc6arc1XPmSAsEf5eRr64zflf20eBZlIIX7oyO6EQFRoByqGx" +
	"AXnqUcxM4a3tuhQW1YOVcuu7RFojE39WYg841hPOxJHoWD/cDFdx+AM75PilkiOPmTWHvEXlshdCeCtcT7ohKIMCgYEAu9oTCFsm" +
	"UhMJsb6gk1F1R9+AmATeRrCwLbjt4nxyE8KUnGX0GPRtNI4L2TX0Ym4x8RZcerujrNjc2k+p7Rpw7gXeg9cR5eslTHJDMXOs2jrv" +
	"aXbFiHA5rMtg3CZMAOdkAJ9xTu6cwHSD71zddmlPTf4jzd+bIbJZpxjt/0ZdzvkCgYEAmBVSDYV/UG132hDL1G1EbjpqrWyjkgbi" +
	"voXedqZtqJgMzJS80Lb+3jEjsd3Ee30Lv8T1YALwgSY2k+TedXFcJd8SH6z+jWwXKs5Eleqw0wm8hEu6IEFeYLvZ8kiffXYOaK4j" +
	"j/xaO+9wHkP2KkcwQn7L6LUl7FEk1gQ8bosXKhkCgYASgsjBWAoMqGeaJki4e5xs+q83S7ODj8Gsn76BRPYQ0GnIh5toIh3owd6V" +
	"BuYQFP/C3As85OSaEbyhnpwGC0b5jYaBw122JFfGkrPgWZ+82XXiFJwed8CXMGtZBkUTCbom/Y8y0fyMUm711VbVZkc0TkjE7rXg" +
	"uixvdNtu/kYcMQKBgDwb+8Jz6UDPtx0ID/n2THuEBDia+OCnSO7WDok0wAeV5SVWwOqrHimyamLJN/EpaiCs8TlFzHwTrsyobcTm" +
	"EhKMjamC7aJSKCdvKlmawxzyAWWQIClgNGzZFOgDCkJ6mqye3253EEID8qvHcAiIIpTZgKOC9MBRq+O5xTfOFTOG"

func readTrailKey() (*rsa.PrivateKey, error) {
	der, err := base64.StdEncoding.DecodeString(trailKey)
	if err != nil {
		return nil, fmt.Errorf("reading the key of simulated digests: %w", err)
	}
	return x509.ParsePKCS1PrivateKey(der)
}
