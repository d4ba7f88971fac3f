# The cluster's own authorities and what they sign; to be sourced after env.sh. What exists is kept.

make_authority() { # make_authority NAME SUBJECT: a key and a certificate that signs others
  [ -s "$PKI/$1.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout "$PKI/$1.key" -subj "$2" -days 3650 \
    -addext keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign -out "$PKI/$1.crt" 2>/dev/null
}

sign() { # sign NAME SUBJECT EXTENSIONS [AUTHORITY]: a key and a certificate, of the cluster's authority unless another is named
  local authority="$PKI/${4:-ca}"
  [ -s "$PKI/$1.crt" ] && return 0
  openssl req -new -newkey rsa:2048 -nodes -keyout "$PKI/$1.key" -subj "$2" -out "$PKI/$1.csr" 2>/dev/null &&
    openssl x509 -req -in "$PKI/$1.csr" -CA "$authority.crt" -CAkey "$authority.key" -CAcreateserial -days 3650 \
      -extfile <(printf 'keyUsage=critical,digitalSignature,keyEncipherment\n%s\n' "$3") -out "$PKI/$1.crt" 2>/dev/null
}

make_certificates() {
  mkdir -p -m 700 "$PKI"
  make_authority ca "/CN=kubernetes-$NAME" || return 1
  [ -s "$PKI/service-accounts.key" ] || openssl genrsa -out "$PKI/service-accounts.key" 2048 2>/dev/null || return 1
  sign apiserver /CN=kube-apiserver "extendedKeyUsage=serverAuth
subjectAltName=IP:127.0.0.1,DNS:localhost,IP:$SERVICES.1,DNS:kubernetes.default.svc" &&
    sign admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth || return 1
  # The front proxy has an authority of its own: whoever it vouches for may say who asks, which nobody else of the cluster may.
  make_authority front-proxy-ca /CN=front-proxy-ca &&
    sign front-proxy-client /CN=front-proxy-client extendedKeyUsage=clientAuth front-proxy-ca &&
    sign metrics-serving "/CN=$METRICS_SERVICE" "extendedKeyUsage=serverAuth
subjectAltName=DNS:$METRICS_SERVICE" &&
    sign metrics-client /CN=system:metrics-server extendedKeyUsage=clientAuth
}

write_kubeconfig() { # for the administrator: context NAME by certificate, NAME-token by token
  printf 'admin-token,admin,admin,"system:masters"\n' >"$ETC/tokens.csv"
  (umask 077; cat >"$STATE/kubeconfig" <<K
apiVersion: v1
kind: Config
clusters:
- {name: $NAME, cluster: {server: "https://127.0.0.1:$PORT", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}}
users:
- {name: admin, user: {client-certificate-data: $(base64 -w0 "$PKI/admin.crt"), client-key-data: $(base64 -w0 "$PKI/admin.key")}}
- {name: admin-token, user: {token: admin-token}}
contexts:
- {name: $NAME, context: {cluster: $NAME, user: admin}}
- {name: $NAME-token, context: {cluster: $NAME, user: admin-token}}
current-context: $NAME
K
  )
}
