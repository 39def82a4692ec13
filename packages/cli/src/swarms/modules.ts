/**
 * Libraries by the capability that working with them shows. A name stands for itself and for all below it: `grpc` for
 * `grpc.aio`, `google.golang.org/grpc` for its packages. A name that means something else elsewhere has its world before
 * it: `py:dns`. Underscores are hyphens, capitals are small.
 */

/** Where a name comes from: one world of packages each. */
export type World = 'js' | 'py' | 'rs' | 'go' | 'jvm' | 'rb' | 'php' | 'cs' | 'c' | 'swift' | 'ex';

export const LIBRARIES: Readonly<Record<string, string>> = {
  'architecture:event-driven': 'eventstore kurrentdb axon-framework org.axonframework',
  'cli:design':
    'js:commander yargs oclif @oclif/core js:ink rs:clap structopt py:click py:typer py:argparse github.com/spf13/cobra github.com/urfave/cli rb:thor rb:optparse info.picocli picocli',
  'cli:testing':
    'assert-cmd trycmd pexpect cli-testing-library rb:aruba github.com/rogpeppe/go-internal',
  'data:analysis': 'pandas polars numpy matplotlib seaborn jupyter apache-arrow',
  'data:pipelines':
    'airflow apache-airflow dagster py:prefect dbt-core pyspark org.apache.spark org.apache.flink apache-beam',
  'data:validation': 'zod ajv joi pydantic jsonschema great-expectations cerberus js:yup valibot',
  'database:etcd': 'etcd3 etcd-client go.etcd.io/etcd github.com/etcd-io/etcd io.etcd',
  'database:mongodb':
    'mongodb mongoose pymongo py:motor go.mongodb.org/mongo-driver com.mongodb mongoid',
  'database:mysql':
    'mysql mysql2 mariadb pymysql mysqlclient github.com/go-sql-driver/mysql com.mysql mysql-async',
  'database:postgres':
    'js:pg postgres pg-promise psycopg psycopg2 psycopg2-binary asyncpg tokio-postgres rb:pg github.com/lib/pq github.com/jackc/pgx org.postgresql npgsql c:libpq-fe',
  'database:redis':
    'redis ioredis aioredis github.com/redis/go-redis github.com/go-redis/redis redis.clients io.lettuce stackexchange.redis predis hiredis',
  'database:sqlite':
    'better-sqlite3 node:sqlite sqlite3 rusqlite aiosqlite github.com/mattn/go-sqlite3 modernc.org/sqlite org.xerial',
  'devops:kubernetes':
    'k8s.io/client-go k8s.io/apimachinery rs:kube @kubernetes/client-node py:kubernetes sigs.k8s.io/controller-runtime',
  'devops:observability':
    'prom-client prometheus-client prometheus github.com/prometheus/client-golang @opentelemetry opentelemetry go.opentelemetry.io io.opentelemetry io.micrometer opentelemetry-sdk opentelemetry-api',
  'docs:api-design':
    'openapi-types swagger-ui-express utoipa drf-spectacular zod-to-openapi @asteasolutions/zod-to-openapi',
  'frontend:accessibility': 'axe-core @axe-core jest-axe pa11y',
  'frontend:angular': '@angular/core @angular',
  'frontend:react': 'js:react react-dom js:next preact',
  'frontend:svelte': 'js:svelte @sveltejs/kit',
  'frontend:vue': 'js:vue nuxt @vue',
  'infra:distributed-systems':
    'go.etcd.io/raft github.com/hashicorp/raft rs:raft openraft kazoo org.apache.zookeeper org.apache.curator python-consul github.com/hashicorp/consul tikv-client foundationdb automerge yjs',
  'infra:linux':
    'rs:nix py:seccomp cgroups-rs systemd pyroute2 github.com/containerd/cgroups c:linux',
  'infra:networking':
    'node:dgram py:socket scapy pcap libpcap c:pcap smoltcp pnet libp2p github.com/libp2p netlink rtnetlink github.com/vishvananda/netlink dnspython py:dns hickory-resolver quinn github.com/quic-go/quic-go golang.org/x/net c:sys/socket c:netinet c:arpa io.netty boost/asio',
  'infra:storage': 'rocksdb leveldb rs:sled go.etcd.io/bbolt fuser fusepy fuse3',
  'integration:amqp':
    'amqplib amqp rhea pika aio-pika lapin github.com/rabbitmq/amqp091-go github.com/streadway/amqp com.rabbitmq rb:bunny rabbitmq.client',
  'integration:graphql':
    'graphql @apollo/server @apollo/client apollo-server graphene strawberry-graphql strawberry ariadne async-graphql juniper github.com/99designs/gqlgen',
  'integration:grpc':
    '@grpc/grpc-js @grpc/proto-loader grpc grpcio grpcio-tools grpclib tonic google.golang.org/grpc io.grpc grpc.net.client grpcpp @connectrpc/connect connectrpc.com/connect',
  'integration:h323':
    'h323plus openh323 c:h323 c:h323pdu c:h323ep c:ooh323 c:ooh323c c:ptlib ptlib',
  'integration:http':
    'js:express fastify js:koa hono axios undici node:http flask fastapi django aiohttp py:requests httpx starlette reqwest rs:hyper axum actix-web rs:rocket net/http github.com/gin-gonic/gin github.com/labstack/echo spring-boot-starter-web org.springframework.web rb:rails sinatra faraday guzzlehttp laravel c:curl microsoft.aspnetcore system.net.http io.ktor py:http ex:phoenix',
  'integration:kafka':
    'kafkajs kafka-node kafka kafka-python confluent-kafka aiokafka rdkafka github.com/segmentio/kafka-go github.com/ibm/sarama github.com/shopify/sarama github.com/confluentinc/confluent-kafka-go org.apache.kafka confluent.kafka librdkafka node-rdkafka kafka-clients',
  'integration:ldap':
    'ldapjs ldapts ldap3 python-ldap py:ldap github.com/go-ldap/ldap c:ldap javax.naming.ldap',
  'integration:mcp':
    '@modelcontextprotocol/sdk @modelcontextprotocol py:mcp fastmcp rmcp github.com/mark3labs/mcp-go github.com/modelcontextprotocol/go-sdk io.modelcontextprotocol modelcontextprotocol',
  'integration:mqtt':
    'mqtt mqtt-packet aedes paho-mqtt paho asyncio-mqtt aiomqtt rumqttc github.com/eclipse/paho.mqtt.golang org.eclipse.paho mqttnet c:mosquitto c:mqttclient',
  'integration:nats':
    'nats @nats-io @nats-io/transport-node nats-py async-nats github.com/nats-io/nats.go github.com/nats-io io.nats nats.client c:nats',
  'integration:ndi':
    'grandiose cyndilib ndi-python py:ndilib ndilib rs:ndi grafton-ndi c:processing.ndi',
  'integration:oauth':
    'openid-client oauth4webapi passport-oauth2 simple-oauth2 authlib requests-oauthlib oauthlib oauth2 openidconnect golang.org/x/oauth2 github.com/coreos/go-oidc org.springframework.security.oauth2 omniauth doorkeeper next-auth',
  'integration:s3':
    '@aws-sdk/client-s3 minio boto3 s3fs aws-sdk-s3 rust-s3 github.com/minio/minio-go github.com/aws/aws-sdk-go-v2/service/s3 software.amazon.awssdk.services.s3',
  'integration:sip':
    'sip.js jssip js:sip drachtio-srf drachtio pjsua pjsua2 pjsip c:pjsip c:pjsua-lib c:pjlib py:aiosip aiosip pyvoip rsipstack rsip github.com/emiago/sipgo github.com/ghettovoice/gosip github.com/cloudwebrtc/go-sip-ua javax.sip gov.nist.javax.sip org.mjsip sofia-sip c:sofia-sip sipsorcery c:resip c:osip2 c:eXosip2 c:re',
  'integration:webhooks': 'svix @octokit/webhooks standardwebhooks standard-webhooks',
  'integration:webrtc':
    'wrtc @roamhq/wrtc simple-peer peerjs mediasoup mediasoup-client werift node-datachannel livekit-client aiortc rs:webrtc str0m github.com/pion/webrtc github.com/pion org.webrtc swift:webrtc sipsorcery.net c:api/peer-connection-interface c:rtc',
  'integration:websocket':
    'js:ws socket.io socket.io-client websockets py:websocket websocket-client tokio-tungstenite tungstenite github.com/gorilla/websocket github.com/coder/websocket nhooyr.io/websocket org.java-websocket',
  'ml:evaluation': 'lm-eval py:evaluate py:deepeval ragas mlflow wandb',
  'ml:inference':
    'vllm onnxruntime llama-cpp llama-cpp-python tritonclient rs:ort candle-core tensorrt',
  'ml:llm-integration':
    'openai @anthropic-ai/sdk anthropic langchain @langchain/core langchain-core llama-index llamaindex py:ai litellm js:ai async-openai ollama github.com/sashabaranov/go-openai',
  'ml:training':
    'py:torch pytorch-lightning py:lightning tensorflow keras py:jax py:flax py:transformers scikit-learn sklearn xgboost',
  'security:cryptography':
    '@noble/curves @noble/hashes @noble/ciphers libsodium libsodium-wrappers sodium-native tweetnacl cryptography pynacl rs:ring rustls ed25519-dalek golang.org/x/crypto org.bouncycastle c:openssl c:sodium',
  'security:fuzzing':
    'libfuzzer-sys afl atheris jazzer com.code-intelligence.jazzer @jazzer.js/core honggfuzz',
  'testing:end-to-end':
    'playwright @playwright/test cypress puppeteer selenium selenium-webdriver webdriverio capybara',
  'testing:integration':
    'testcontainers github.com/testcontainers/testcontainers-go org.testcontainers supertest msw wiremock',
  'testing:load':
    'k6 autocannon js:artillery py:locust gatling io.gatling vegeta github.com/tsenart/vegeta',
  'testing:mutation': '@stryker-mutator/core mutmut cosmic-ray cargo-mutants pitest org.pitest',
  'testing:property':
    'fast-check py:hypothesis proptest quickcheck jqwik net.jqwik github.com/flyingmutant/rapid pgregory.net/rapid fscheck',
  'testing:simulation': 'madsim turmoil simpy rs:shuttle rs:loom',
  'testing:unit':
    'vitest js:jest js:mocha pytest py:unittest node:test org.junit junit-jupiter rspec minitest phpunit xunit nunit github.com/stretchr/testify c:gtest catch2',
};

const spelled = (name: string): string => name.toLowerCase().replaceAll('_', '-');

const CAPABILITY_OF_LIBRARY: ReadonlyMap<string, string> = new Map(
  Object.entries(LIBRARIES).flatMap(([capability, names]) =>
    names.split(' ').map((name): [string, string] => [spelled(name), capability]),
  ),
);

/** Parts of a name that are looked up; a package path has ten. */
const PARTS_MAX = 16;

/** What working with a module shows: of the longest name that is known, `a.b.c` before `a.b`. */
export const capabilityOfModule = (world: World, name: string): string | undefined => {
  let known = spelled(name);
  for (let parts = 0; parts < PARTS_MAX && known !== ''; parts += 1) {
    const found =
      CAPABILITY_OF_LIBRARY.get(`${world}:${known}`) ?? CAPABILITY_OF_LIBRARY.get(known);
    if (found !== undefined) return found;
    known = known.replace(/(^|[/.:\\]+)[^/.:\\]*$/, '');
  }
  return undefined;
};
