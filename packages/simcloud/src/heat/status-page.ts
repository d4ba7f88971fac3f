import type { FastifyReply } from 'fastify';

/**
 * Answers with nothing but a status and a text, as WebOb does, in what the request accepts: JSON only when that is
 * asked for, else HTML, or plain text when no Accept came with it. `text` is HTML.
 */
export function sendStatusPage(reply: FastifyReply, code: number, title: string, text: string): FastifyReply {
  const status = `${String(code)} ${title}`;
  const accept = reply.request.headers.accept ?? '';
  if (/text\/html|\*\/\*/.test(accept)) {
    const head = ` <head>\n  <title>${status}</title>\n </head>`;
    const page = `<html>\n${head}\n <body>\n  <h1>${status}</h1>\n  ${text}\n </body>\n</html>`;
    return reply.code(code).type('text/html; charset=UTF-8').send(page);
  }
  if (accept.includes('application/json')) {
    return reply.code(code).send({ message: text, code: status, title });
  }
  const plain = text
    .replaceAll('\n', ' ')
    .replace(/<br *\/?>/g, '\n')
    .replace(/<[^>]*>/g, '');
  return reply.code(code).type('text/plain; charset=UTF-8').send(`${status}\n\n${plain}`);
}
